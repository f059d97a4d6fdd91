/*
 * server.c
 *		The server worker: HTTP for one database.
 *
 * Its session has no rights: each message runs with the role of its caller.
 * It never restarts by itself.  The launcher, which knows whether the database
 * still exists, starts another one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/server_settings.h"
#include "process/loop.h"
#include "process/waiters.h"
#include "service/housekeeping.h"
#include "storage/core/catalog.h"
#include "storage/role/role.h"
#include "transport/web_server.h"
#include "worker/common/analyze.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/common/worker.h"
#include "worker/common/worker_lock.h"
#include "worker/common/worker_slot.h"
#include "worker/server/batch.h"
#include "worker/server/guess_delay.h"
#include "worker/server/held_request.h"
#include "worker/server/large_message.h"
#include "worker/server/linger.h"
#include "worker/server/reply.h"
#include "worker/server/server.h"
#include "worker/server/sockets.h"

#define MAX_BATCHES		16		/* between two looks at the latch */
#define STOP_MS			2000	/* for answers that are being sent */
#define CHORES_LIMIT_MS	10000	/* for one step */
#define CHORES_PAUSE_MS	20
#define STANDBY_LOOK_MS	1000	/* for the end of recovery */
#define RETRY_MIN_MS	500
#define RETRY_MAX_MS	30000

typedef struct Server
{
	QlmWorkerOrder order;
	QlmWorkerSlot *slot;
	QlmWebServer *http;
	QlmLoop    *loop;
	char	   *hosts;			/* the addresses it listens on, or tried to */
	int			port;
	TimestampTz listen_again;	/* 0: it listens */
	int			retry_ms;
	TimestampTz stats_due;		/* 0: none are kept back */
	TimestampTz chores_due;		/* 0: another worker does them */
	MemoryContext chores_context;
} Server;

static int
wanted_port(const Server *server)
{
	return server->order.port ? server->order.port : qlm_port;
}

/* Tries again later, with growing delay, and logs the reason once. */
static void
note_failure(Server *server, const char *reason)
{
	if (server->listen_again == 0)
	{
		server->retry_ms = RETRY_MIN_MS;
		ereport(LOG,
				(errmsg("qlm cannot serve database \"%s\": %s",
						NameStr(server->order.database), reason),
				 errhint("It is tried again from time to time. See qlm.listen_addresses, qlm.port and qlm.databases.")));
	}
	else
		server->retry_ms = Min(server->retry_ms * 2, RETRY_MAX_MS);
	server->listen_again =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									server->retry_ms +
									(int) (pg_prng_double(&pg_global_prng_state) * server->retry_ms));
	qlm_slot_report(server->slot, QLM_WORKER_RUNNING, "", reason);
}

/*
 * The workers of a database share its port.  No other process may, since the
 * kernel would distribute connections among all of them.
 */
static void
start_listening(Server *server)
{
	StringInfoData error;
	bool		shared;
	bool		ok;

	MemoryContextSwitchTo(TopMemoryContext);
	if (server->hosts)
		pfree(server->hosts);
	server->hosts = pstrdup(qlm_listen_addresses);
	server->port = wanted_port(server);
	initStringInfo(&error);

	StartTransactionCommand();
	shared = qlm_port_enter(server->port);
	ok = qlm_web_server_listen(server->http, server->hosts, server->port,
								!shared, &error);
	qlm_port_leave(server->port, ok);
	CommitTransactionCommand();

	if (!ok)
		note_failure(server, error.data);
	else
	{
		const char *address = qlm_web_server_address(server->http);

		server->listen_again = 0;
		qlm_slot_report(server->slot, QLM_WORKER_RUNNING, address, "");
		ereport(server->order.number == 1 ? LOG : DEBUG1,
				(errmsg("qlm serves database \"%s\" on %s",
						NameStr(server->order.database),
						address[0] ? address : "no address")));
	}
	pfree(error.data);
}

/*
 * If the role of anonymous callers does not exist they get 401, as if the
 * setting were empty.  This is logged once.
 */
static void
check_anonymous_role(const Server *server)
{
	static char *told = NULL;
	bool		missing;

	if (server->order.number != 1)
		return;
	StartTransactionCommand();
	missing = qlm_anonymous_role && *qlm_anonymous_role && qlm_catalog_available() &&
		!OidIsValid(get_role_oid(qlm_anonymous_role, true));
	CommitTransactionCommand();
	MemoryContextSwitchTo(TopMemoryContext);
	if (missing && (told == NULL || strcmp(told, qlm_anonymous_role) != 0))
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("qlm.anonymous_role: role \"%s\" does not exist", qlm_anonymous_role),
				 errdetail("Callers of database \"%s\" that are not a peer get 401.",
						   NameStr(server->order.database)),
				 errhint("Create the role, or change the setting.")));
	if (told)
		pfree(told);
	told = missing ? pstrdup(qlm_anonymous_role) : NULL;
}

static void
apply_reload(Server *server)
{
	qlm_held_request_reload();
	check_anonymous_role(server);
	if (strcmp(server->hosts, qlm_listen_addresses) != 0 ||
		server->port != wanted_port(server))
	{
		server->listen_again = 0;
		start_listening(server);
	}
}

/* Statistics of tables are reported to autovacuum at a limited rate. */
static void
report_stats(Server *server, bool worked)
{
	TimestampTz now;
	long		later;

	if (!worked && server->stats_due == 0)
		return;
	now = GetCurrentTimestamp();
	later = pgstat_report_stat(server->stats_due != 0 && now >= server->stats_due);
	if (later <= 0)
		server->stats_due = 0;
	else if (server->stats_due == 0)
		server->stats_due = TimestampTzPlusMilliseconds(now, later);
}

/* Releases the held requests of clients that have disconnected. */
static void
take_leave(Server *server)
{
	QlmHttpRequest *request;

	while ((request = qlm_web_server_left(server->http)) != NULL)
		if (!qlm_guess_delay_left(request) && !qlm_large_message_left(request))
			qlm_held_request_left(request, server->slot);
}

static void
serve(Server *server)
{
	int			batches = 0;
	int			n;

	take_leave(server);
	qlm_held_request_run(server->slot);
	qlm_guess_delay_run();
	qlm_large_message_run(server->slot);
	qlm_sockets_run(server->http, server->slot);
	qlm_web_server_run(server->http);
	qlm_linger_run(server->http);
	while (batches < MAX_BATCHES &&
		   (n = qlm_batch_run(server->http, server->slot)) > 0)
	{
		qlm_web_server_run(server->http);
		qlm_linger_note(server->http, n);
		qlm_linger_run(server->http);
		batches++;
	}
	if (server->slot)
		pg_atomic_write_u32(&server->slot->connections,
							qlm_web_server_connections(server->http));
	report_stats(server, batches > 0);
}

static void
do_chores(void *arg)
{
	bool	   *more = arg;

	*more = qlm_worker_can_serve() && qlm_housekeeping_step();
}

/* Maintenance of the tables, in small steps between requests */
static void
keep_house(Server *server)
{
	bool		more = false;
	char	   *message;

	if (server->chores_due == 0 || GetCurrentTimestamp() < server->chores_due)
		return;
	if (RecoveryInProgress())
	{
		server->chores_due =
			TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STANDBY_LOOK_MS);
		return;
	}
	pgstat_report_activity(STATE_RUNNING, "qlm: housekeeping");
	MemoryContextSwitchTo(server->chores_context);
	if (qlm_transaction_run(do_chores, &more, CHORES_LIMIT_MS, &message) != QLM_VERDICT_DONE)
	{
		more = false;
		ereport(LOG, (errmsg("qlm could not do its housekeeping: %s", message)));
		qlm_slot_error(server->slot, message);
	}
	if (qlm_housekeeping_wants_statistics())
		qlm_analyze_start(&server->order);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(server->chores_context);
	pgstat_report_activity(STATE_IDLE, NULL);
	if (!more)
		check_anonymous_role(server);
	report_stats(server, true);
	server->chores_due =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
									more ? CHORES_PAUSE_MS : QLM_HOUSEKEEPING_MS);
}

static void
set_timer(Server *server, int64 due)
{
	if (due >= 0)
		qlm_loop_after(server->loop, due);
}

/* Sets the timers for what is due without any event. */
static void
set_timers(Server *server)
{
	set_timer(server, qlm_web_server_due(server->http));
	set_timer(server, qlm_held_request_due());
	set_timer(server, qlm_guess_delay_due());
	set_timer(server, qlm_large_message_due());
	set_timer(server, qlm_sockets_due());
	if (server->listen_again != 0)
		qlm_loop_at(server->loop, server->listen_again);
	if (server->stats_due != 0)
		qlm_loop_at(server->loop, server->stats_due);
	if (server->chores_due != 0)
		qlm_loop_at(server->loop, server->chores_due);
}

/* Takes no new requests, answers those that are here, and ends. */
static void
stop(Server *server)
{
	StringInfoData error;
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), STOP_MS);

	initStringInfo(&error);
	qlm_slot_report(server->slot, QLM_WORKER_STOPPING, "", "");
	(void) qlm_web_server_listen(server->http, "", server->port, false, &error);
	qlm_held_request_end(true);
	qlm_guess_delay_end();
	qlm_large_message_end(server->slot);
	qlm_web_server_run(server->http);
	while (qlm_batch_run(server->http, server->slot) > 0)
		qlm_web_server_run(server->http);
	qlm_web_server_end_sockets(server->http);
	qlm_sockets_end(server->http, server->slot);
	qlm_web_server_run(server->http);
	while (qlm_web_server_is_sending(server->http) && GetCurrentTimestamp() < end)
	{
		qlm_loop_at(server->loop, end);
		set_timer(server, qlm_web_server_due(server->http));
		(void) qlm_loop_wait(server->loop);
		qlm_web_server_run(server->http);
		while (qlm_batch_run(server->http, server->slot) > 0)
			qlm_web_server_run(server->http);
	}
	qlm_web_server_destroy(server->http);
	ereport(LOG,
			(errmsg("qlm server %d of database \"%s\" ends",
					server->order.number, NameStr(server->order.database))));
	proc_exit(1);
}

void
qlm_server_main(Datum arg)
{
	static Server server;

	MemoryContextSwitchTo(TopMemoryContext);
	memcpy(&server.order, MyBgworkerEntry->bgw_extra, sizeof(QlmWorkerOrder));
	server.slot = qlm_slot_attach(&server.order);
	qlm_waiters_attach(server.slot);
	qlm_loop_signals();
	qlm_worker_connect(&server.order, "qlm server");
	server.http = qlm_web_server_create();
	server.loop = qlm_loop_create(qlm_web_server_fd(server.http));
	qlm_sockets_init(server.order.number);
	qlm_large_message_init(&server.order, qlm_reply_send);
	start_listening(&server);
	if (server.order.number == 1)
		server.chores_due = GetCurrentTimestamp();
	server.chores_context = AllocSetContextCreate(TopMemoryContext, "qlm chores",
												  ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		int			events;

		set_timers(&server);
		events = qlm_loop_wait(server.loop);
		if (events & QLM_LOOP_STOP)
			stop(&server);
		if (events & QLM_LOOP_RELOAD)
			apply_reload(&server);
		if (server.listen_again != 0 && server.listen_again <= GetCurrentTimestamp())
			start_listening(&server);
		serve(&server);
		keep_house(&server);
		if (qlm_worker_must_start_again())
		{
			qlm_slot_start_again(server.slot);
			stop(&server);
		}
	}
}
