/*
 * sockets.c
 *		The WebSockets of a server worker: which peer each belongs to, and what
 *		is pushed on them.
 *
 * A commit that queues something for a connection or its peer sets this
 * process's latch (process/waiters.h). One transaction then takes what waits
 * for all connections concerned, and it is pushed after the commit.  Rows that
 * find no room in a socket stay in the table.  Rows of ended connections are
 * removed in sockets_sweep.c.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/last_heard.h"
#include "process/stats.h"
#include "process/waiters.h"
#include "process/wake_key.h"
#include "service/road/socket_push.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/outbox_nest.h"
#include "transport/websocket/websocket_life.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/common/worker_slot.h"
#include "worker/server/look_pace.h"
#include "worker/server/socket_identity.h"
#include "worker/server/sockets.h"
#include "worker/server/sockets_sweep.h"
#include "worker/server/unread_push.h"

#define FAILED_MS		1000
#define HURRY_MS		1000	/* for a sign of life, once the peer was heard elsewhere */

typedef struct Connection
{
	dlist_node	node;
	QlmWebSocket *socket;
	char		name[QLM_CONNECTION_NAME_SIZE];
	uint32		key;
	bool		greet;			/* the peer is to be identified */
	TimestampTz greet_at;		/* not earlier; 0: at once */
	bool		named;			/* its name may be in the tables */
	bool		look;			/* rows may wait for the connection */
	QlmConnected caller;		/* peer_id 0: not known */
	uint32		peer_key;
	QlmLastHeard *presence;		/* of its peer */
	QlmUnreadPushes	pushed;			/* since the peer was last heard here */
	bool		look_peer;		/* rows may wait for the peer */
	TimestampTz retry_at;		/* when to look for the peer again; DT_NOEND: never */
	int			retry_ms;		/* grows while looks lead to nothing */
} Connection;

/* One look into the tables */
typedef struct Look
{
	int			n;
	Connection **connections;	/* connections with c->look */
	const char **names;
	bool	   *more;
	int			npeers;
	Connection **peers;
	int		   *peer_ids;
	bool	   *due;
	List	  **texts;			/* for each, of QlmPeerPush * */
	bool	   *valid;
	List	   *pushes;			/* of QlmPush * */
} Look;

static Connection over;			/* marks sockets whose connection has ended */
static dlist_head all = DLIST_STATIC_INIT(all);
static HTAB *by_name = NULL;	/* a set of names */
static int	nconnections = 0;
static int	worker_number = 0;
static MemoryContext sockets_context = NULL;
static MemoryContext look_context = NULL;
static QlmLookPace pace = {.who = QLM_WAITERS_SOCKETS};
static bool any_look = false;	/* any connection has to be looked for */
static TimestampTz look_at_all = DT_NOEND;
static TimestampTz next_retry = DT_NOEND;
static bool ended = false;		/* the worker is ending */

/* Is this the name of a connection of this worker? */
static bool
is_open(const char *name)
{
	return strlen(name) < QLM_CONNECTION_NAME_SIZE &&
		hash_search(by_name, name, HASH_FIND, NULL) != NULL;
}

void
qlm_sockets_init(int worker)
{
	HASHCTL		control = {.keysize = QLM_CONNECTION_NAME_SIZE,
	.entrysize = QLM_CONNECTION_NAME_SIZE};

	worker_number = worker;
	by_name = hash_create("qlm sockets", 256, &control, HASH_ELEM | HASH_STRINGS);
	sockets_context = AllocSetContextCreate(TopMemoryContext, "qlm sockets",
											ALLOCSET_DEFAULT_SIZES);
	look_context = AllocSetContextCreate(TopMemoryContext, "qlm push",
										 ALLOCSET_DEFAULT_SIZES);
	qlm_sweep_init(worker, is_open);
}

static void
forget_caller(Connection *c)
{
	if (c->caller.peer_id == 0)
		return;
	if (qlm_websocket_is_silent(c->socket))
		qlm_unread_push_return(&c->pushed);
	c->pushed.n = 0;
	qlm_last_heard_end(c->presence, false);
	qlm_waiters_disconnect(c->peer_key);
	qlm_waiters_poke(c->peer_key);
	if (c->caller.dialect)
		pfree(unconstify(char *, c->caller.dialect));
	memset(&c->caller, 0, sizeof(QlmConnected));
	c->look_peer = false;
	c->retry_at = DT_NOEND;
}

/*
 * Rows for a peer are pushed on the connection on which it was heard last.  On
 * the others it must show soon that it has read what was pushed.
 */
static bool
is_latest(Connection *c)
{
	if (qlm_last_heard_is_latest(c->presence))
		return true;
	qlm_websocket_hurry(c->socket, HURRY_MS);
	return false;
}

static void
look_for_peer(Connection *c)
{
	c->look_peer = any_look = true;
	c->retry_ms = QLM_LOOK_RETRY_MS;
}

/*
 * Notes the peer of a connection.  It does not change any more: rows are
 * pushed to this peer only.
 */
static void
note_caller(Connection *c, const QlmConnected *caller)
{
	if (c->caller.peer_id == 0)
	{
		c->caller = *caller;
		c->caller.dialect = NULL;
		c->peer_key = qlm_wake_key_of_peer(caller->peer_id);
		qlm_waiters_connect(c->peer_key);
		c->presence = qlm_last_heard_begin(c->caller.peer_id,
										 qlm_websocket_heard_at(c->socket));
		qlm_waiters_poke(c->peer_key);
	}
	else if (c->caller.peer_id != caller->peer_id)
		return;
	c->caller.proof = caller->proof;
	if (caller->dialect && (c->caller.dialect == NULL ||
							strcmp(c->caller.dialect, caller->dialect) != 0))
	{
		if (c->caller.dialect)
			pfree(unconstify(char *, c->caller.dialect));
		c->caller.dialect = MemoryContextStrdup(sockets_context, caller->dialect);
	}
	look_for_peer(c);
}

/*
 * Returns the connection of a socket, which is made if it is new; NULL if it
 * has ended.
 */
static Connection *
find_connection(QlmWebSocket *socket)
{
	Connection *c = socket ? qlm_websocket_owner(socket) : NULL;

	if (socket == NULL || c == &over || ended)
		return NULL;
	if (c)
		return c;
	c = MemoryContextAllocZero(sockets_context, sizeof(Connection));
	c->socket = socket;
	c->greet = any_look = true;
	qlm_connection_name(c->name, worker_number);
	c->key = qlm_wake_key_of_connection(c->name);
	c->retry_at = DT_NOEND;
	(void) hash_search(by_name, c->name, HASH_ENTER, NULL);
	dlist_push_tail(&all, &c->node);
	if (nconnections++ == 0)
		look_at_all = qlm_look_after(qlm_look_idle_ms());
	qlm_websocket_set_owner(socket, c);
	return c;
}

void
qlm_sockets_resume(const QlmHttpRequest *request, QlmJob *job)
{
	Connection *c = find_connection(request->socket);

	if (c == NULL)
		return;
	job->connection = c->name;
	if (c->caller.peer_id != 0)
		job->connected = &c->caller;
}

void
qlm_sockets_note(const QlmHttpRequest *request, const QlmJob *job)
{
	Connection *c = find_connection(request->socket);

	if (c == NULL)
		return;
	if (job->caller)
		note_caller(c, job->caller);
	if (!job->pushes)
		return;
	if (!c->named)
		qlm_waiters_add(c->key);
	c->named = true;
	c->look = any_look = true;
}

static void
end_connection(Connection *c)
{
	forget_caller(c);
	if (c->named)
	{
		qlm_waiters_remove(c->key);
		qlm_sweep_add(c->name);
	}
	qlm_websocket_set_owner(c->socket, &over);
	(void) hash_search(by_name, c->name, HASH_REMOVE, NULL);
	dlist_delete(&c->node);
	if (--nconnections == 0)
		look_at_all = next_retry = DT_NOEND;
	pfree(c);
}

static void
take_news(QlmWebServer *server)
{
	QlmWebSocket *socket;
	bool		ended;

	while ((socket = qlm_web_server_news(server, &ended)) != NULL)
	{
		Connection *c = find_connection(socket);

		if (c && ended)
			end_connection(c);
		else if (c)
			any_look = true;	/* a mark may be left from when there was no room */
	}
}

/* Marks the connections that commits or the time make worth a look. */
static void
mark(TimestampTz now)
{
	bool		everything = look_at_all <= now;
	dlist_iter	iter;

	if (!pace.any_woken && !everything && next_retry > now)
		return;
	if (everything)
		look_at_all = TimestampTzPlusMilliseconds(now, qlm_look_idle_ms());
	next_retry = DT_NOEND;
	dlist_foreach(iter, &all)
	{
		Connection *c = dlist_container(Connection, node, iter.cur);

		if (c->greet)
			any_look = true;
		if (c->named && (everything || qlm_look_pace_is_woken(&pace, c->key)))
			c->look = any_look = true;
		if (c->caller.peer_id == 0)
			continue;
		if (qlm_look_pace_is_woken(&pace, c->peer_key))
			look_for_peer(c);
		else if (everything || c->retry_at <= now)
			c->look_peer = any_look = true;
		next_retry = Min(next_retry, c->look_peer ? DT_NOEND : c->retry_at);
	}
	qlm_look_pace_forget(&pace);
}

static void
greet(Connection *c)
{
	int			pause_ms;
	const QlmConnected *caller = qlm_socket_identity_find(c->socket, c->name, c->greet_at != 0,
												  &pause_ms);

	c->greet = false;
	if (pause_ms > 0)
	{
		c->greet = true;
		c->greet_at = qlm_look_after(pause_ms);
	}
	else if (caller)
		note_caller(c, caller);
}

static void
greet_all(void)
{
	TimestampTz now = GetCurrentTimestamp();
	dlist_iter	iter;

	dlist_foreach(iter, &all)
	{
		Connection *c = dlist_container(Connection, node, iter.cur);

		if (c->greet && c->greet_at <= now)
			greet(c);
		if (c->greet)
			next_retry = Min(next_retry, c->greet_at);
	}
}

static void
collect(Look *look)
{
	dlist_iter	iter;

	dlist_foreach(iter, &all)
	{
		const Connection *c = dlist_container(Connection, node, iter.cur);

		if (c->look_peer)
			qlm_last_heard_note(c->presence, qlm_websocket_heard_at(c->socket));
	}
	memset(look, 0, sizeof(Look));
	look->connections = palloc(nconnections * sizeof(Connection *));
	look->names = palloc(nconnections * sizeof(char *));
	look->more = palloc0(nconnections * sizeof(bool));
	look->peers = palloc(nconnections * sizeof(Connection *));
	look->peer_ids = palloc(nconnections * sizeof(int));
	look->due = palloc0(nconnections * sizeof(bool));
	look->valid = palloc0(nconnections * sizeof(bool));
	look->texts = palloc0(nconnections * sizeof(List *));
	dlist_foreach(iter, &all)
	{
		Connection *c = dlist_container(Connection, node, iter.cur);

		if (c->look_peer && !is_latest(c))
			c->look_peer = false;
		if (!(c->look || c->look_peer))
			continue;
		if (!qlm_websocket_has_room(c->socket))
		{
			if (c->look_peer)
				qlm_unread_push_ask(c->socket);
			continue;
		}
		if (c->look)
		{
			look->connections[look->n] = c;
			look->names[look->n++] = c->name;
		}
		if (c->look_peer)
		{
			look->peers[look->npeers] = c;
			look->peer_ids[look->npeers++] = c->caller.peer_id;
		}
	}
}

/*
 * Runs in a transaction.  synchronous_commit can be off: a crash that undoes
 * the commit ends the connections, too, and a request is sent again until it
 * is answered.
 */
static void
take(void *arg)
{
	Look	   *look = arg;

	if (!qlm_worker_can_serve())
		return;
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	qlm_storage_begin();
	look->pushes = qlm_connection_take(look->names, look->n, look->more);
	qlm_nest_due(look->peer_ids, look->npeers, look->due);
	for (int i = 0; i < look->npeers; i++)
	{
		if (look->due[i])
			look->texts[i] = qlm_push_queued(&look->peers[i]->caller, &look->valid[i]);
		else
			look->valid[i] = qlm_push_is_for(&look->peers[i]->caller);
	}
	qlm_storage_end();
}

static void
push(Connection *c, const char *text, QlmWorkerSlot *slot)
{
	Size		len = strlen(text);

	if (qlm_websocket_push(c->socket, text, len))
		QLM_COUNT(slot, bytes_out, len);
}

/* Sets when to look for the peer again. */
static void
plan_retry(Connection *c, bool due, bool found)
{
	c->look_peer = found;
	c->retry_at = DT_NOEND;
	if (found)
	{
		c->retry_ms = QLM_LOOK_RETRY_MS;
		any_look = true;
	}
	else if (due)
	{
		c->retry_at = qlm_look_again(&c->retry_ms);
		next_retry = Min(next_retry, c->retry_at);
	}
}

static void
push_all(Look *look, QlmWorkerSlot *slot)
{
	ListCell   *lc;

	foreach(lc, look->pushes)
	{
		QlmPush    *one = lfirst(lc);

		push(look->connections[one->connection], one->envelope, slot);
	}
	for (int i = 0; i < look->n; i++)
	{
		look->connections[i]->look = look->more[i];
		any_look |= look->more[i];
	}
	for (int i = 0; i < look->npeers; i++)
	{
		qlm_unread_push_send(&look->peers[i]->pushed, look->peers[i]->socket, look->texts[i], slot);
		plan_retry(look->peers[i], look->due[i], look->texts[i] != NIL);
		if (!look->valid[i])
			forget_caller(look->peers[i]);
	}
}

static bool
run_look(Look *look, QlmWorkerSlot *slot)
{
	char	   *message;

	if (qlm_transaction_run(take, look, QLM_LOOK_LIMIT_MS, &message) == QLM_VERDICT_DONE)
	{
		push_all(look, slot);
		return true;
	}
	ereport(LOG, (errmsg("qlm could not take messages for WebSockets: %s", message)));
	qlm_slot_error(slot, message);
	look_at_all = qlm_look_after(FAILED_MS);
	return false;
}

/* An error for one peer must not affect the others. */
static void
look_one_by_one(const Look *look, QlmWorkerSlot *slot)
{
	Look		part = *look;

	part.pushes = NIL;
	part.npeers = 0;
	(void) run_look(&part, slot);
	part.n = 0;
	part.npeers = 1;
	for (int i = 0; i < look->npeers; i++)
	{
		part.peers = look->peers + i;
		part.peer_ids = look->peer_ids + i;
		part.due = look->due + i;
		part.valid = look->valid + i;
		part.texts = look->texts + i;
		part.texts[0] = NIL;
		(void) run_look(&part, slot);
	}
}

static void
look_and_push(QlmWorkerSlot *slot)
{
	Look		look;

	any_look = false;
	greet_all();
	collect(&look);
	if (look.n + look.npeers > 0 && !run_look(&look, slot) && look.npeers > 0)
		look_one_by_one(&look, slot);
}

void
qlm_sockets_run(QlmWebServer *server, QlmWorkerSlot *slot)
{
	take_news(server);
	qlm_sweep_run(slot);
	qlm_unread_push_run(slot);
	if (nconnections == 0)
		return;
	if (!qlm_look_pace_take(&pace))
		return;
	mark(GetCurrentTimestamp());
	if (!any_look)
		return;
	MemoryContextSwitchTo(look_context);
	look_and_push(slot);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(look_context);
	qlm_look_pace_done(&pace);
}

int64
qlm_sockets_due(void)
{
	TimestampTz due = Min(qlm_sweep_due(), qlm_unread_push_due());

	if (nconnections > 0)
	{
		due = Min(due, Min(look_at_all, next_retry));
		if (any_look || pace.any_woken)
			due = Min(due, pace.not_before);
	}
	return due == DT_NOEND ? -1 :
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);
}

void
qlm_sockets_end(QlmWebServer *server, QlmWorkerSlot *slot)
{
	dlist_mutable_iter iter;

	take_news(server);
	dlist_foreach_modify(iter, &all)
	{
		Connection *c = dlist_container(Connection, node, iter.cur);
		QlmWebSocket *socket = c->socket;

		end_connection(c);
		qlm_websocket_set_owner(socket, NULL);
	}
	ended = true;
	qlm_sweep_run(slot);
	qlm_unread_push_run(slot);
}
