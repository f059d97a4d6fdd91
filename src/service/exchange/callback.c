/*
 * callback.c
 *		Whether a callback is allowed.
 *
 * The dispatcher checks the address to which it connects.  Requests whose
 * callback can be judged without a connection are refused here, so that the
 * caller learns of it at once.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/address.h"
#include "base/client_settings.h"
#include "base/url.h"
#include "service/exchange/callback.h"

#define NOTIFY_PREFIX	"notify:"

bool
qlm_is_notify(const char *callback)
{
	return strncmp(callback, NOTIFY_PREFIX, strlen(NOTIFY_PREFIX)) == 0;
}

const char *
qlm_notify_channel(const char *callback)
{
	const char *channel = callback + strlen(NOTIFY_PREFIX);

	return *channel != '\0' && strlen(channel) < NAMEDATALEN ? channel : NULL;
}

char *
qlm_callback_peer_hosts(void)
{
	StringInfoData hosts;
	ListCell   *lc;

	initStringInfo(&hosts);
	foreach(lc, qlm_peer_hosts())
		appendStringInfo(&hosts, "%s%s", hosts.len ? ", " : "",
						 (char *) lfirst(lc));
	return hosts.data;
}

/*
 * Returns why a callback to this URL is not allowed, or NULL. A peer's own URL
 * was configured by an administrator and is always allowed.
 */
static const char *
address_problem(const QlmPeer *peer, const char *callback, const char *host,
				int host_len)
{
	bool		by_setting = qlm_callback_allow && *qlm_callback_allow;
	const char *list = by_setting ? qlm_callback_allow :
		peer ? qlm_callback_peer_hosts() : "";

	if (peer && peer->url && strcmp(peer->url, callback) == 0)
		return NULL;
	if (qlm_address_list_may_match(list, host, host_len))
		return NULL;
	return psprintf("qlm.callback_allow%s does not allow callbacks to %.*s",
					by_setting ? "" : ", which is empty,", host_len, host);
}

/* A channel whose name needs quotes is not heard by LISTEN without them. */
static void
mention_quotes(const char *channel)
{
	const char *quoted = quote_identifier(channel);

	if (strcmp(quoted, channel) != 0)
		ereport(NOTICE,
				(errmsg("the channel is called %s", quoted),
				 errhint("LISTEN %s hears it, with the quotes: without them PostgreSQL reads another name.",
						 quoted)));
}

const char *
qlm_callback_problem(const QlmPeer *peer, const char *callback,
					 bool may_notify, int *code)
{
	const char *host;
	int			host_len;
	int			unused;

	if (code == NULL)
		code = &unused;
	*code = 400;
	if (callback == NULL)
		return NULL;
	if (qlm_url_is_callback(callback, &host, &host_len))
	{
		*code = 403;
		return address_problem(peer, callback, host, host_len);
	}
	if (strcmp(callback, "0") == 0)
		return "callback \"0\" needs a WebSocket";
	if (qlm_is_notify(callback) && may_notify)
	{
		const char *channel = qlm_notify_channel(callback);

		if (channel == NULL)
			return psprintf("callback \"%s\" names no channel that PostgreSQL can have",
							callback);
		mention_quotes(channel);
		return NULL;
	}
	return psprintf("callback \"%s\" is not an http, https, ws or wss URL", callback);
}

bool
qlm_exchange_is_own_callback(const QlmExchange *exchange, const char *callback)
{
	return callback && strcmp(callback, "0") == 0 && exchange->job->connection;
}

const char *
qlm_exchange_callback_problem(const QlmExchange *exchange, const char *callback,
							  bool may_notify, int *code)
{
	return qlm_exchange_is_own_callback(exchange, callback) ? NULL :
		qlm_callback_problem(exchange->peer, callback, may_notify, code);
}

const char *
qlm_exchange_callback_target(QlmExchange *exchange, const char *callback)
{
	if (!qlm_exchange_is_own_callback(exchange, callback))
		return callback;
	exchange->job->pushes = true;
	return exchange->job->connection;
}
