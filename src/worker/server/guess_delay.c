/*
 * guess_delay.c
 *		Requests of a server worker that must wait before they are run.
 *
 * On a WebSocket many attempts could be sent without waiting for answers, so
 * its messages wait in a line: the first has a time, the others follow once it
 * is answered.  If the first was right, the others do not wait any more.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/server/guess_delay.h"
#include "worker/server/node_page.h"

typedef struct Paused
{
	dlist_node	node;			/* in timed, or in the line of its socket */
	QlmHttpRequest *request;
	TimestampTz due;
	int			ms;
	bool		timed;
} Paused;

/* The messages of a WebSocket while one of them waits or is run */
typedef struct Line
{
	struct QlmWebSocket *socket;	/* the key */
	Paused	   *first;			/* the one that has a time; NULL while it is run */
	dlist_head	others;
} Line;

static dlist_head timed = DLIST_STATIC_INIT(timed);
static HTAB *lines = NULL;
static MemoryContext pause_context = NULL;
static TimestampTz next_due = DT_NOEND;
static bool ended = false;

static void
init(void)
{
	HASHCTL		control = {.keysize = sizeof(struct QlmWebSocket *),.entrysize = sizeof(Line)};

	if (pause_context)
		return;
	pause_context = AllocSetContextCreate(TopMemoryContext, "qlm pause",
										  ALLOCSET_DEFAULT_SIZES);
	control.hcxt = pause_context;
	lines = hash_create("qlm pause", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Line *
line_of(const QlmHttpRequest *request)
{
	return request->socket && lines ?
		hash_search(lines, &request->socket, HASH_FIND, NULL) : NULL;
}

static void
set_time(Paused *p)
{
	p->due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), p->ms);
	p->timed = true;
	dlist_push_tail(&timed, &p->node);
	next_due = Min(next_due, p->due);
}

/* The request must not be in a list any more. */
static void
forget(Paused *p)
{
	Line	   *line = line_of(p->request);

	if (line && line->first == p)
		line->first = NULL;
	p->request->delayed = NULL;
	pfree(p);
}

static void
put_in_line(Paused *p)
{
	QlmHttpRequest *request = p->request;

	dlist_delete(&p->node);
	forget(p);
	request->has_waited = true;
	qlm_web_server_requeue(request);
}

void
qlm_guess_delay_hold(QlmHttpRequest *request, int ms)
{
	Line	   *line;
	Paused	   *p;
	bool		found = false;

	init();
	p = MemoryContextAllocZero(pause_context, sizeof(Paused));
	p->request = request;
	p->ms = ms;
	request->delayed = p;
	line = request->socket ? hash_search(lines, &request->socket, HASH_ENTER, &found) : NULL;
	if (line && !found)
	{
		line->first = NULL;
		dlist_init(&line->others);
	}
	if (line && found)
		dlist_push_tail(&line->others, &p->node);
	else
	{
		if (line)
			line->first = p;
		set_time(p);
	}
	qlm_web_server_hold(request, true);
	if (ended)
		put_in_line(p);
}

/*
 * The first of a line was answered.  If it was right, the others are checked
 * again, and most likely need not wait.
 */
static void
go_on(Line *line, bool was_wrong)
{
	while (!dlist_is_empty(&line->others))
	{
		Paused	   *next = dlist_container(Paused, node, dlist_pop_head_node(&line->others));
		QlmHttpRequest *request = next->request;

		if (was_wrong && !ended)
		{
			line->first = next;
			set_time(next);
			return;
		}
		forget(next);
		request->has_waited = ended;
		qlm_web_server_requeue(request);
	}
	(void) hash_search(lines, &line->socket, HASH_REMOVE, NULL);
}

void
qlm_guess_delay_answered(QlmHttpRequest *request, bool was_wrong)
{
	Line	   *line = request->has_waited ? line_of(request) : NULL;

	if (line && line->first == NULL)
		go_on(line, was_wrong);
}

bool
qlm_guess_delay_left(QlmHttpRequest *request)
{
	Paused	   *p = request->delayed;
	Line	   *line;
	bool		was_first;

	if (p == NULL)
		return false;
	line = line_of(request);
	was_first = line && line->first == p;
	dlist_delete(&p->node);
	forget(p);
	if (was_first)
		go_on(line, true);
	qlm_node_page_answer_text(request, 429, "Too many tries from this address have failed, and its connection has ended before this one could be looked at.\n",
						 NULL);
	return true;
}

void
qlm_guess_delay_run(void)
{
	TimestampTz now;
	dlist_mutable_iter iter;

	if (dlist_is_empty(&timed))
		return;
	now = GetCurrentTimestamp();
	if (now < next_due)
		return;
	next_due = DT_NOEND;
	dlist_foreach_modify(iter, &timed)
	{
		Paused	   *p = dlist_container(Paused, node, iter.cur);

		if (p->due <= now)
			put_in_line(p);
		else
			next_due = Min(next_due, p->due);
	}
}

int64
qlm_guess_delay_due(void)
{
	if (dlist_is_empty(&timed))
		return -1;
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next_due);
}

void
qlm_guess_delay_end(void)
{
	dlist_mutable_iter iter;

	ended = true;
	dlist_foreach_modify(iter, &timed)
		put_in_line(dlist_container(Paused, node, iter.cur));
}
