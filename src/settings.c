/*
 * settings.c
 *		Registers the settings qlm.* (docs/settings.md).
 *
 * Settings of the workers change with a reload; those that also limit SQL
 * calls can be set by a superuser for a database, a role or a session.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/address.h"
#include "base/client_settings.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/origin.h"
#include "base/server_settings.h"
#include "base/url.h"
#include "process/databases.h"
#include "settings.h"
#include "storage/outbox/journal.h"
#include "storage/partition/partition.h"
#include "storage/partition/partition_make.h"
#include "storage/peer/peer_note.h"
#include "storage/replica/node_place.h"
#include "storage/replica/node_place_here.h"
#include "storage/role/role.h"
#include "storage/value/retention.h"

static const struct config_enum_entry log_messages_options[] = {
	{"none", QLM_LOG_NONE, false},
	{"errors", QLM_LOG_ERRORS, false},
	{"all", QLM_LOG_ALL, false},
	{NULL, 0, false}
};

static const struct config_enum_entry span_options[] = {
	{"day", QLM_SPAN_DAY, false},
	{"month", QLM_SPAN_MONTH, false},
	{"year", QLM_SPAN_YEAR, false},
	{NULL, 0, false}
};

static bool
check_databases(char **newval, void **extra, GucSource source)
{
	List	   *databases;
	const char *bad;

	if (qlm_databases_parse(*newval, &databases, &bad))
		return true;
	GUC_check_errdetail("\"%s\" is not a database name with an optional port, as in \"plant:8091\".",
						bad);
	return false;
}

/* Says what is wrong with an entry of a list.  Always returns false. */
static bool
refuse_entry(const char *entry, int len, const char *what_it_is)
{
	GUC_check_errdetail("\"%.*s\" is %s.", len, entry, what_it_is);
	return false;
}

static bool
check_callback_allow(char **newval, void **extra, GucSource source)
{
	const char *bad;
	int			len;

	return qlm_address_list_valid(*newval, false, &bad, &len) ||
		refuse_entry(bad, len, "neither a host name nor a network, as in \"example.com, 10.0.0.0/8, ::1\"");
}

static bool
check_no_proxy(char **newval, void **extra, GucSource source)
{
	const char *bad;
	int			len;

	return qlm_address_list_valid(*newval, true, &bad, &len) ||
		refuse_entry(bad, len, "neither a host name nor a network, as in \"localhost, .example.com, 10.0.0.0/8\"");
}

static bool
check_proxy(char **newval, void **extra, GucSource source)
{
	if (**newval == '\0' || qlm_url_is_proxy(*newval))
		return true;
	GUC_check_errdetail("It is a URL of http, https, socks5 or socks5h, as in \"http://user:secret@proxy.example:3128\", or empty.");
	return false;
}

static bool
check_cors_origins(char **newval, void **extra, GucSource source)
{
	const char *bad;
	int			len;

	return qlm_origin_list_valid(*newval, &bad, &len) ||
		refuse_entry(bad, len, "neither an origin, as in \"https://app.example.com, http://localhost:3000\", nor * for any");
}

static bool
check_host_names(char **newval, void **extra, GucSource source)
{
	const char *bad;
	int			len;

	return qlm_host_list_valid(*newval, &bad, &len) ||
		refuse_entry(bad, len, "neither a host name without a port, as in \"plant.example, plant\", nor * for any");
}

static bool
check_proxies(char **newval, void **extra, GucSource source)
{
	const char *bad;
	int			len;

	return qlm_address_list_valid(*newval, false, &bad, &len) ||
		refuse_entry(bad, len, "not an address or network, as in \"127.0.0.1, 10.0.0.0/8, ::1\"");
}

/* Limits for one address */
static void
register_addresses(void)
{
	DefineCustomIntVariable("qlm.header_timeout",
							"Longest time that the headers of a request may take.",
							"From the connection or the first line of a further request until "
							"they are complete; at most qlm.request_timeout.",
							&qlm_header_timeout, 10000, 100, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_connections_per_address",
							"HTTP connections from one address that one process serves.",
							"More are refused with 503. An address is one of IPv4, or a network "
							"of 64 bits of IPv6. 0 is no limit.",
							&qlm_max_connections_per_address, 250, 0, 100000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("qlm.proxies",
							   "Addresses and networks behind which many clients are.",
							   "A list. What one address may take does not hold for these, and "
							   "their X-Forwarded-Host, -Proto and -Prefix are believed.",
							   &qlm_proxies, "127.0.0.1, ::1",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_proxies, NULL, NULL);
}

static void
register_patience(void)
{
	DefineCustomIntVariable("qlm.keepalive_timeout",
							"Longest time that a connection is kept open between two requests.",
							"Longer than the proxies in front keep theirs: who closes first "
							"loses no request.",
							&qlm_keepalive_timeout, 75000, 1000, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.ping_interval",
							"Silence on a WebSocket after which it is pinged.",
							"Less than the proxies in between allow. After half of "
							"qlm.request_timeout at the latest.",
							&qlm_ping_interval, 20000, 1000, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

static void
register_server(void)
{
	DefineCustomStringVariable("qlm.databases",
							   "Databases that are served over HTTP.",
							   "A list of names, each with a port of its own after a colon "
							   "where it is not the one of qlm.port. Used where qlm is in "
							   "shared_preload_libraries.",
							   &qlm_databases, "postgres",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_databases, NULL, NULL);
	DefineCustomStringVariable("qlm.listen_addresses",
							   "Host names and addresses to listen on for HTTP.",
							   "A list; * is every address, an empty list means no HTTP. "
							   "Messages and passwords travel as they are: beyond the "
							   "machine itself put a proxy with TLS in front.",
							   &qlm_listen_addresses, "localhost",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.port",
							"TCP port to listen on for HTTP.",
							"Several databases need several ports, see qlm.databases.",
							&qlm_port, 8090, 1, 65535,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.http_workers",
							"Number of processes that serve HTTP for each database.",
							"They share one port. Few clients are served best by one, "
							"many by as many as there are spare cores.",
							&qlm_http_workers, 2, 1, QLM_MAX_HTTP_WORKERS,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.request_timeout",
							"Longest time that a request may take.",
							"From its first byte until it is complete, and again until it is "
							"answered. What comes later is answered with 408, what takes "
							"longer with 503.",
							&qlm_request_timeout, 60000, 1000, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.large_message",
							"Size from which on an HTTP message runs in a process of its own.",
							"So the worker goes on answering others. 0 has it run all.",
							&qlm_large_message, 1024 * 1024, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_BYTE, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_connections",
							"HTTP connections that one process serves at the same time.",
							"When more come, those that do nothing are closed; where none "
							"does, they wait in the backlog of the operating system.",
							&qlm_max_connections, 1000, 1, 100000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	register_addresses();
	register_patience();
	DefineCustomIntVariable("qlm.max_wait",
							"Longest time that a peer may wait for something to be queued for it.",
							"A request with the header Prefer: wait=N is held so long, at most, "
							"before it is answered with nothing attached. 0 holds none.",
							&qlm_max_wait, 55, 0, 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
}

/*
 * Both are about the server and its machine.  ALTER SYSTEM writes into the
 * data directory, so a copy would have its value, and it takes precedence over
 * the configuration of the copy.
 */
static void
register_place(void)
{
	DefineCustomBoolVariable("qlm.outgoing",
							 "Lets leave what leaves by itself.",
							 "Off: heartbeats, deliveries, callbacks and WebSockets to other nodes "
							 "wait. Messages of others are answered as ever.",
							 &qlm_outgoing, true,
							 PGC_SIGHUP, GUC_DISALLOW_IN_AUTO_FILE, NULL, NULL, NULL);
	DefineCustomStringVariable("qlm.place",
							   "Name of the place where the node is.",
							   "A node that has another one than its rows say is a copy, and holds "
							   "what would leave it. Empty: it is found out.",
							   &qlm_node_place_name, "",
							   PGC_SIGHUP, GUC_DISALLOW_IN_AUTO_FILE, NULL, NULL, NULL);
}

static bool
check_url(char **newval, void **extra, GucSource source)
{
	if (**newval == '\0' ||
		(qlm_url_is_http(*newval, NULL, NULL) && strlen(*newval) <= QLM_MAX_URL / 2 &&
		 strpbrk(*newval, "?# \t\r\n") == NULL))
		return true;
	GUC_check_errdetail("It is an http or https URL without query, or empty.");
	return false;
}

static void
register_browsers(void)
{
	DefineCustomStringVariable("qlm.cors_origins",
							   "Web origins whose pages may call this node.",
							   "A list, or * for any. Pages of other origins are refused "
							   "with 403. Empty: none but the node's own. Credentials that "
							   "the browser keeps are never asked for.",
							   &qlm_cors_origins, "",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_cors_origins, NULL, NULL);
	DefineCustomStringVariable("qlm.host_names",
							   "Further host names under which this node is called.",
							   "A list. Requests for other hosts are refused with 421, but "
							   "for addresses, localhost, the host of qlm.url and the names "
							   "in qlm.listen_addresses. * takes any, and lets a page call "
							   "that makes its own name resolve to this machine.",
							   &qlm_host_names, "",
							   PGC_SIGHUP, GUC_LIST_INPUT,
							   check_host_names, NULL, NULL);
	DefineCustomBoolVariable("qlm.compression",
							 "Compress answers for clients that accept gzip.",
							 "Short answers are not compressed.",
							 &qlm_compression, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
}

static void
register_client(void)
{
	DefineCustomBoolVariable("qlm.http_errors",
							 "Gives HTTP's status to messages that are refused as a whole.",
							 "off: they are answered with 200, and the code is in the envelope "
							 "alone, as the reference node does it. 401 and 503 stay.",
							 &qlm_http_errors, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("qlm.url",
							   "Address under which other nodes reach this one.",
							   "Others are told to deliver there what this node has "
							   "subscribed to for somebody. Empty: they are polled.",
							   &qlm_url, "",
							   PGC_SUSET, 0, check_url, NULL, NULL);
	DefineCustomStringVariable("qlm.callback_allow",
							   "Hosts and networks that callbacks may go to.",
							   "A list. Empty: for peers the hosts of known peers, for others "
							   "none. The address that is connected to counts. Link-local "
							   "networks must be listed by themselves.",
							   &qlm_callback_allow, "",
							   PGC_SUSET, GUC_LIST_INPUT,
							   check_callback_allow, NULL, NULL);
	DefineCustomIntVariable("qlm.connection_age",
							"Longest time that a connection to another node is used.",
							"Then its name is looked up again, which may lead to another address.",
							&qlm_connection_age, 300, 1, 7 * 24 * 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("qlm.refuse_pages",
							 "Is a callback that is answered by a web page not delivered?",
							 "Then it is tried again. Pages are counted in qlm.stat_delivery in any case.",
							 &qlm_refuse_pages, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("qlm.proxy",
							   "Proxy through which this node calls others.",
							   "A URL, with a name and a secret if it wants them. Empty: none. "
							   "Peers may have another one.",
							   &qlm_proxy, "",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_proxy, NULL, NULL);
	DefineCustomStringVariable("qlm.no_proxy",
							   "Hosts and networks that are called without a proxy.",
							   "A list. A name stands for all names below it, too; * is "
							   "every host. Networks count for addresses in URLs.",
							   &qlm_no_proxy, "localhost, 127.0.0.0/8, ::1",
							   PGC_SIGHUP, GUC_LIST_INPUT, check_no_proxy, NULL, NULL);
	DefineCustomBoolVariable("qlm.proxy_callbacks",
							 "Do callbacks that no administrator has configured go through the proxy?",
							 "The proxy then resolves their hosts, so qlm.callback_allow "
							 "must name them. Off: they go without it.",
							 &qlm_proxy_callbacks, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_transfers",
							"HTTP requests that a database has under way to others.",
							"A part is kept for known peers, and no other server or asker "
							"has more than a share of what is free.",
							&qlm_max_transfers, 64, 1, 10000,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.callback_timeout",
							"Longest time that a callback may take that no known peer asked for.",
							"A third of it to connect. Others have qlm.request_timeout, which "
							"no callback exceeds.",
							&qlm_callback_timeout, 10000, 100, 3600 * 1000,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

static void
register_limits(void)
{
	DefineCustomIntVariable("qlm.max_message_size",
							"Largest message that is read.",
							"A larger one is answered with 413.",
							&qlm_max_message_size, 10 * 1024 * 1024,
							1024, 512 * 1024 * 1024,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_depth",
							"Deepest nesting of XML elements in a message.",
							"A deeper one is answered with 413.",
							&qlm_max_depth, 64, 8, 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_values",
							"Most values in one message.",
							"Objects and InfoItems are counted too, separately. More of "
							"either are answered with 413.",
							&qlm_max_values, 1000000, 1, 100000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_answer_size",
							"Largest answer that is made.",
							"A larger one is refused with 413. All answers of one process that "
							"have not left yet may take four times as much memory; what does not "
							"fit is answered with 503.",
							&qlm_max_answer_size, 256 * 1024 * 1024,
							16 * 1024, 900 * 1024 * 1024,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_future",
							"Furthest ahead of now that a value in a message may be.",
							"A message with a later one is answered with 400. 0 or -1 is no "
							"limit. SQL may write values of any time.",
							&qlm_max_future, 24 * 60 * 60, -1, INT_MAX,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
}

/* Limits for one caller */
static void
register_quotas(void)
{
	DefineCustomIntVariable("qlm.poll_buffer_max",
							"Most values that one subscription keeps for its next poll.",
							"Beyond, the oldest are dropped.",
							&qlm_poll_buffer_max, 10000, 1, INT_MAX / 2,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_subscriptions",
							"Most subscriptions of one peer, or of one role without a peer.",
							"Beyond, the answer is 429; 0 is no limit. Members of qlm_admin have none in SQL.",
							&qlm_max_subscriptions, 10000, 0, INT_MAX / 2,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.finished_kept",
							"Newest ended messages that stay in qlm.outbox, with their answers.",
							"As many requests, and as many data for callbacks; the workers "
							"delete older ones.",
							&qlm_finished_kept, 100000, 100, INT_MAX / 2,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_anonymous_subscriptions",
							"Most subscriptions of all callers together who are no known peer.",
							"Beyond, the answer is 429; 0 is no limit but qlm.max_subscriptions. "
							"SQL sessions are no such callers.",
							&qlm_max_anonymous_subscriptions, 1000, 0, INT_MAX / 2,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_queued",
							"Most messages that wait for one peer, or that one caller has had sent.",
							"Beyond, the answer is 429, and events for callbacks are dropped and "
							"counted; 0 is no limit. Members of qlm_admin have none in SQL.",
							&qlm_max_queued, 100000, 0, INT_MAX / 2,
							PGC_SUSET, 0, NULL, NULL, NULL);
}

static void
register_messages(void)
{
	DefineCustomStringVariable("qlm.anonymous_role",
							   "Role whose rights an unknown caller has.",
							   "Empty: who is not identified is refused with 401.",
							   &qlm_anonymous_role, "",
							   PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.piggyback_max",
							"Most messages that one response carries to its receiver.",
							"0 attaches none.",
							&qlm_piggyback_max, 8, 0, 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.piggyback_max_size",
							"Largest total size of the messages that one response carries.",
							"A single larger message still leaves, alone.",
							&qlm_piggyback_max_size, 256 * 1024,
							1024, 512 * 1024 * 1024,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.retry_delay",
							"Time until a message without an answer is sent again.",
							NULL,
							&qlm_retry_delay, 5000, 1, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.retry_max_delay",
							"Longest time until a message is sent again.",
							"The time grows from qlm.retry_delay with every failure.",
							&qlm_retry_max_delay, 5 * 60 * 1000, 1, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.session_timeout",
							"Silence after which the next message of a peer begins a session.",
							"Subscriptions with interval -2 get the current values of what the "
							"peer owns then. A WebSocket of the peer always begins one.",
							&qlm_session_timeout, 5 * 60 * 1000, 100, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.max_journal_size",
							"Most space that the texts of messages take in qlm.journal.",
							"Older ones go first.",
							&qlm_max_journal_size, 1024, 1, 1024 * 1024,
							PGC_SUSET, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomEnumVariable("qlm.log_messages",
							 "Which messages are kept in qlm.journal.",
							 "none, errors (those whose answer is not 200) or all.",
							 &qlm_log_messages, QLM_LOG_NONE, log_messages_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

static void
register_history(void)
{
	DefineCustomEnumVariable("qlm.partition_span",
							 "Time that a new partition of qlm.value covers.",
							 "day, month or year. Those that are there stay as they are.",
							 &qlm_partition_span, QLM_SPAN_MONTH, span_options,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.partitions_ahead",
							"Partitions of qlm.value that are made before their time comes.",
							NULL,
							&qlm_partitions_ahead, 1, 0, 100,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.partition_years_back",
							"Years back from now for whose values partitions are made.",
							"Older values go to qlm.value_default.",
							&qlm_partition_years_back, 20, 0, 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.partition_years_ahead",
							"Years ahead of now for whose values partitions are made.",
							"Later values go to qlm.value_default.",
							&qlm_partition_years_ahead, 2, 0, 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("qlm.retention",
							"Time for which values are kept.",
							"0 keeps them for ever. The newest value of an InfoItem is always "
							"kept. Paths may have rules of their own, see qlm_set_retention.",
							&qlm_retention, 0, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
}

void
qlm_settings_register(void)
{
	register_server();
	register_place();
	register_browsers();
	register_client();
	register_limits();
	register_messages();
	register_quotas();
	register_history();
	MarkGUCPrefixReserved("qlm");
}
