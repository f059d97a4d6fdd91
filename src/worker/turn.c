/*
 * turn.c
 *		One turn of a server worker.
 *
 * All messages of a turn share a transaction and so one flush to disk; no
 * answer is given before it has committed.  If anything in it fails, it is
 * undone and each message runs in a transaction of its own: a bad one fails
 * alone and costs the others only time.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/settings.h"
#include "process/stats.h"
#include "service/exchange.h"
#include "storage/catalog.h"
#include "worker/page.h"
#include "worker/query.h"
#include "worker/route.h"
#include "worker/slot.h"
#include "worker/sockets.h"
#include "worker/transaction.h"
#include "worker/turn.h"
#include "worker/waiting.h"

#define MAX_REQUESTS	256
#define MAX_BYTES		(8 * 1024 * 1024)
#define MAX_TRIES		3
#define CROWD			16			/* messages in a turn */
#define PROBE_PART		16			/* of qlm.request_timeout, for one after it hung */
#define LARGE_TURN		(32 * 1024 * 1024)
#define LARGE_ANSWER	(64 * 1024) /* is handed over instead of copied */

typedef struct Turn
{
	QlmWorkerSlot *slot;
	int			nrequests;
	Size		nbytes;
	int			n;				/* messages */
	QlmHttpRequest *requests[MAX_REQUESTS];
	QlmExchange *exchanges[MAX_REQUESTS];
	int			nhealth;
	QlmHttpRequest *health[MAX_REQUESTS];
	bool		hung;			/* some took longer than they may */
} Turn;

typedef struct Batch
{
	QlmExchange **exchanges;
	int			n;
} Batch;

static MemoryContext turn_context = NULL;

static void
refuse_all(QlmExchange **exchanges, int n, int status, const char *why)
{
	int			i;

	for (i = 0; i < n; i++)
		qlm_exchange_refuse(exchanges[i], status, why);
}

/* Forget what an earlier try has answered. */
static void
reset_answers(QlmExchange **exchanges, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		memset(&exchanges[i]->answer, 0, sizeof(exchanges[i]->answer));
		if (exchanges[i]->answer_context)
			MemoryContextReset(exchanges[i]->answer_context);
		exchanges[i]->status = 0;
		exchanges[i]->apart = false;
		exchanges[i]->waits = false;
		exchanges[i]->keep = NULL;
		exchanges[i]->pushes = false;
		exchanges[i]->caller = NULL;
	}
}

static void
run_batch(void *arg)
{
	Batch	   *batch = arg;

	if (qlm_catalog_available())
		qlm_exchange_run(batch->exchanges, batch->n);
	else
		refuse_all(batch->exchanges, batch->n, 503,
				   "The extension qlm is not in the database.");
}

static QlmVerdict
run(QlmExchange **exchanges, int n, int timeout_ms, char **message)
{
	Batch		batch = {exchanges, n};

	reset_answers(exchanges, n);
	return qlm_transaction_run(run_batch, &batch, timeout_ms, message);
}

/* ms until the request has taken as long as it may */
static int
time_left(const QlmHttpRequest *request)
{
	TimestampTz end = TimestampTzPlusMilliseconds(request->received_at,
												  qlm_request_timeout);

	return (int) TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);
}

/*
 * Run one alone.  It gets half of the time that it has left, so that one that
 * hangs does not use up that of those behind it.
 */
static void
run_alone(Turn *turn, int i)
{
	QlmExchange *exchange = turn->exchanges[i];
	QlmVerdict	verdict = QLM_VERDICT_LATE;
	char	   *message = "no time was left";
	int			tries;

	for (tries = 0; tries < MAX_TRIES; tries++)
	{
		int			left = time_left(turn->requests[i]);

		verdict = QLM_VERDICT_LATE;
		if (left <= 0)
			break;
		verdict = run(&exchange, 1, left / 2, &message);
		if (verdict != QLM_VERDICT_AGAIN)
			break;
	}
	if (verdict == QLM_VERDICT_DONE)
		return;

	ereport(LOG, (errmsg("qlm could not run a message: %s", message)));
	qlm_slot_error(turn->slot, message);
	reset_answers(&exchange, 1);
	turn->hung |= verdict == QLM_VERDICT_LATE;
	if (verdict == QLM_VERDICT_FAILED)
		qlm_exchange_refuse(exchange, 500, message);
	else if (verdict == QLM_VERDICT_AGAIN)
		qlm_exchange_refuse(exchange, 503, "Others change the same data now, try again.");
	else
		qlm_exchange_refuse(exchange, 503, "The message took longer than qlm.request_timeout.");
}

/* The database still hangs.  Others come, and must hear of it. */
static void
give_up(Turn *turn)
{
	reset_answers(turn->exchanges, turn->n);
	refuse_all(turn->exchanges, turn->n, 503, "The database is busy, try again later.");
	turn->hung = true;
}

/*
 * After a turn that hung, a crowd is tried only briefly: while it waits, nobody
 * else hears anything.
 */
static void
run_messages(Turn *turn)
{
	static bool hung = false;	/* did the turn before? */
	char		activity[64];
	char	   *message;
	bool		is_probe;
	int			i;

	QlmVerdict	verdict = QLM_VERDICT_FAILED;

	if (turn->n == 0)
		return;
	snprintf(activity, sizeof(activity), "qlm: %d message%s", turn->n,
			 turn->n == 1 ? "" : "s");
	pgstat_report_activity(STATE_RUNNING, activity);
	is_probe = hung && turn->n >= CROWD;
	if (turn->n > 1)
		verdict = run(turn->exchanges, turn->n,
					  qlm_request_timeout / (is_probe ? PROBE_PART : 2), &message);
	if (verdict == QLM_VERDICT_LATE && is_probe)
		give_up(turn);
	else if (verdict != QLM_VERDICT_DONE)
	{
		if (turn->n > 1)
			elog(DEBUG1, "qlm runs %d messages one by one: %s", turn->n, message);
		for (i = 0; i < turn->n; i++)
			run_alone(turn, i);
	}
	else
		for (i = 0; i < turn->n; i++)
			if (turn->exchanges[i]->apart)
				run_alone(turn, i);
	hung = turn->hung;
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* A large one is handed over with its memory. */
static void
set_body(QlmHttpAnswer *answer, const QlmExchange *exchange)
{
	answer->body = exchange->answer.data;
	answer->body_len = exchange->answer.len;
	if (answer->body_len >= LARGE_ANSWER && exchange->answer_context)
	{
		answer->body = repalloc_huge(exchange->answer.data, answer->body_len);
		answer->owner = exchange->answer_context;
	}
}

static const QlmHttpHeader challenge[] = {
	{"WWW-Authenticate", "Basic realm=\"qlm\", charset=\"UTF-8\""},
	{"WWW-Authenticate", "Bearer realm=\"qlm\""},
	{NULL}
};

/* Stored data must not run as scripts of this origin. */
static void
answer_discovery(Turn *turn, QlmHttpRequest *request, const QlmExchange *exchange)
{
	const QlmDiscovery *discovery = exchange->discovery;
	const QlmHttpHeader headers[] = {
		{"Cache-Control", "no-cache"},
		{"Vary", "Accept, Authorization"},
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Security-Policy", "default-src 'none'; sandbox"},
		{discovery->etag ? "ETag" : NULL, discovery->etag},
		{NULL}
	};
	QlmHttpAnswer answer = {exchange->status, discovery->content_type,
	exchange->status == 401 ? challenge : headers};

	set_body(&answer, exchange);
	qlm_http_server_answer(request, &answer);
	if (answer.status != 304 && request->method != QLM_HTTP_HEAD)
		QLM_COUNT(turn->slot, bytes_out, answer.body_len);
}

static void
answer_message(Turn *turn, QlmHttpRequest *request, const QlmExchange *exchange)
{
	char		applied[32];
	const QlmHttpHeader preference[] = {{"Preference-Applied", applied}, {NULL}};
	QlmHttpAnswer answer = {exchange->status};

	snprintf(applied, sizeof(applied), "wait=%d",
			 Min(request->prefer_wait, qlm_max_wait));
	if (answer.status == 401)
		answer.headers = challenge;
	else if (exchange->waits)
		answer.headers = preference;
	answer.content_type = qlm_exchange_media(exchange->answer.data,
											 exchange->answer.len);
	set_body(&answer, exchange);
	qlm_waiting_release(request);
	qlm_http_server_answer(request, &answer);
	QLM_COUNT(turn->slot, bytes_out, answer.body_len);
}

static void
answer_messages(Turn *turn)
{
	int			i;

	for (i = 0; i < turn->n; i++)
	{
		QlmHttpRequest *request = turn->requests[i];
		QlmExchange *exchange = turn->exchanges[i];

		qlm_sockets_note(request, exchange);
		if (exchange->discovery)
			answer_discovery(turn, request, exchange);
		else if (!qlm_waiting_hold(request, exchange))
			answer_message(turn, request, exchange);
	}
}

static void
look_for_extension(void *arg)
{
	*(bool *) arg = qlm_catalog_available();
}

/* Is the extension there?  Asked once for all who want to know. */
static void
answer_health(Turn *turn)
{
	bool		available = false;
	char	   *message;
	int			i;

	if (turn->nhealth == 0)
		return;
	if (qlm_transaction_run(look_for_extension, &available,
							qlm_request_timeout / 2, &message) != QLM_VERDICT_DONE)
		ereport(LOG, (errmsg("qlm could not look at its health: %s", message)));
	for (i = 0; i < turn->nhealth; i++)
		qlm_page_answer_health(turn->health[i], available);
}

static QlmExchange *
create_exchange(void)
{
	QlmExchange *exchange = palloc0(sizeof(QlmExchange));

	exchange->answer_context = AllocSetContextCreate(turn_context, "qlm answer",
													 ALLOCSET_SMALL_SIZES);
	return exchange;
}

static void
add_message(Turn *turn, QlmHttpRequest *request, const QlmRoute *route)
{
	QlmExchange *exchange = create_exchange();

	exchange->body = request->body;
	exchange->body_len = request->body_len;
	exchange->charset = request->charset;
	exchange->authorization = request->authorization;
	exchange->peer_name = route->peer_name;
	exchange->token = route->token;
	exchange->may_wait = qlm_waiting_seconds(request) > 0;
	exchange->may_hold = qlm_waiting_possible();
	exchange->prefer_wait = request->prefer_wait;
	exchange->on_socket = request->socket != NULL;
	qlm_sockets_resume(request, exchange);
	if (request->owner)
		qlm_waiting_resume(request, exchange);
	turn->requests[turn->n] = request;
	turn->exchanges[turn->n++] = exchange;
}

static void
add_discovery(Turn *turn, QlmHttpRequest *request, const char *peer_name)
{
	QlmExchange *exchange = create_exchange();
	QlmDiscovery *discovery = palloc0(sizeof(QlmDiscovery));

	discovery->path = request->path;
	discovery->accept = request->accept;
	discovery->if_none_match = request->if_none_match;
	if (request->query)
	{
		discovery->version = qlm_query_value(request->query, "version");
		discovery->newest = qlm_query_value(request->query, "newest");
		discovery->oldest = qlm_query_value(request->query, "oldest");
		discovery->begin = qlm_query_value(request->query, "begin");
		discovery->end = qlm_query_value(request->query, "end");
	}
	exchange->discovery = discovery;
	exchange->body = request->path;
	exchange->body_len = strlen(request->path);
	exchange->authorization = request->authorization;
	exchange->peer_name = peer_name;
	turn->requests[turn->n] = request;
	turn->exchanges[turn->n++] = exchange;
}

static void
add_request(Turn *turn, QlmHttpRequest *request)
{
	QlmRoute	route = qlm_route_find(request);

	turn->nrequests++;
	turn->nbytes += request->body_len;
	switch (route.kind)
	{
		case QLM_ROUTE_MESSAGE:
			add_message(turn, request, &route);
			break;
		case QLM_ROUTE_DISCOVERY:
			add_discovery(turn, request, route.peer_name);
			break;
		case QLM_ROUTE_SOCKET:
			qlm_http_server_upgrade(request);
			break;
		case QLM_ROUTE_HOME:
			qlm_page_answer_home(request);
			break;
		case QLM_ROUTE_HEALTH:
			turn->health[turn->nhealth++] = request;
			break;
		case QLM_ROUTE_OPTIONS:
			qlm_page_answer_options(request, route.allow);
			break;
		case QLM_ROUTE_BAD_METHOD:
			qlm_page_answer_text(request, 405, "This address does not take this method.\n",
								 route.allow);
			break;
		case QLM_ROUTE_UNKNOWN:
			qlm_page_answer_text(request, 404, "There is nothing at this address.\n", NULL);
			break;
	}
}

/*
 * Forget the turn.  After an unusually large one the C library keeps what was
 * freed, in holes between what lives on: have it give that back.
 */
static void
forget_turn(void)
{
	bool		large pg_attribute_unused() =
		MemoryContextMemAllocated(turn_context, true) > LARGE_TURN;

	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(turn_context);
#ifdef __GLIBC__
	if (large)
		malloc_trim(0);
#endif
}

int
qlm_turn_run(QlmHttpServer *server, QlmWorkerSlot *slot)
{
	Turn		turn;
	QlmHttpRequest *request;
	TimestampTz start;

	if (turn_context == NULL)
		turn_context = AllocSetContextCreate(TopMemoryContext, "qlm turn",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(turn_context);
	turn.slot = slot;
	turn.nrequests = turn.n = turn.nhealth = 0;
	turn.nbytes = 0;
	turn.hung = false;
	while (turn.nrequests < MAX_REQUESTS && turn.nbytes < MAX_BYTES &&
		   (request = qlm_http_server_next(server)) != NULL)
		add_request(&turn, request);

	if (turn.nrequests > 0)
	{
		start = GetCurrentTimestamp();
		run_messages(&turn);
		answer_messages(&turn);
		answer_health(&turn);
		qlm_http_server_note_pace(server, turn.nrequests,
								  GetCurrentTimestamp() - start, turn.hung);
		QLM_COUNT(slot, requests, turn.nrequests);
		QLM_COUNT(slot, batches, 1);
		QLM_COUNT(slot, bytes_in, turn.nbytes);
	}
	forget_turn();
	return turn.nrequests;
}
