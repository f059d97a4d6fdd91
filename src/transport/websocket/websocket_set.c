/*
 * websocket_set.c
 *		The WebSockets of callers: which of them can go on, when they are
 *		checked, and what their owner is told.
 *
 * A socket that has ended is kept as long as somebody uses one of its
 * messages, or its owner does not know yet.
 */
#include "postgres.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "transport/net/epoll.h"
#include "transport/websocket/websocket_life.h"
#include "transport/websocket/websocket_set.h"
#include "transport/websocket/websocket_state.h"

#define MAX_EVENTS		64
#define SWEEP_MIN_MS	100
#define SWEEP_MAX_MS	1000

struct QlmWebSocketSet
{
	QlmWebSocketShared shared;
	int			epoll;
	dlist_head	open;
	int			nopen;
	dlist_head	told;			/* ended sockets, freed in the next run if possible */
};

QlmWebSocketSet *
qlm_websocket_set_create(MemoryContext context, QlmSourceSet *sources,
						 QlmBodyBudget *budget)
{
	QlmWebSocketSet *set = MemoryContextAllocZero(context, sizeof(QlmWebSocketSet));

	set->shared.context = context;
	set->shared.sources = sources;
	set->shared.budget = budget;
	dlist_init(&set->shared.dirty);
	dlist_init(&set->shared.ready);
	dlist_init(&set->shared.left);
	dlist_init(&set->shared.answered);
	dlist_init(&set->shared.news);
	set->epoll = qlm_epoll_create();
	dlist_init(&set->open);
	dlist_init(&set->told);
	return set;
}

int
qlm_websocket_set_fd(const QlmWebSocketSet *set)
{
	return set->epoll;
}

int
qlm_websocket_set_count(const QlmWebSocketSet *set)
{
	return set->nopen;
}

/* Frees a socket that has ended and is not used. */
static void
free_if_done(QlmWebSocket *socket)
{
	if (socket->state != QLM_SOCKET_GONE || socket->nrefs > 0)
		return;
	if (socket->owner && !socket->told_end)
		qlm_websocket_tell(socket, false);
	else
		qlm_websocket_free(socket);
}

/* Ends the connection now. */
static void
drop(QlmWebSocketSet *set, QlmWebSocket *socket)
{
	dlist_delete(&socket->node);
	set->nopen--;
	(void) epoll_ctl(set->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
	close(socket->fd);
	socket->fd = -1;
	qlm_websocket_forget(socket);
	free_if_done(socket);
}

static bool
evict(QlmGuest *guest)
{
	QlmWebSocket *socket = (QlmWebSocket *) ((char *) guest - offsetof(QlmWebSocket, guest));

	socket->failed = true;
	qlm_websocket_mark(socket);
	return true;
}

bool
qlm_websocket_set_add(QlmWebSocketSet *set, int fd, const QlmHttpRequest *request,
					  const char *early, Size len, QlmGuest *guest)
{
	QlmWebSocket *socket = qlm_websocket_create(&set->shared, request, early, len);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = socket};
	int			on = 1;

	if (socket == NULL)
		return false;
	if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
	{
		elog(LOG, "could not watch a connection: %m");
		qlm_websocket_free(socket);
		return false;
	}
	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	socket->fd = fd;
	socket->events = EPOLLIN;
	qlm_source_enter_as(set->shared.sources, &socket->guest, guest, evict);
	dlist_push_tail(&set->open, &socket->node);
	set->nopen++;
	qlm_websocket_mark(socket);
	qlm_websocket_tell(socket, true);
	if (set->shared.ending)
		qlm_websocket_close(socket, QLM_CLOSE_GOING_AWAY, "the node ends");
	return true;
}

void
qlm_websocket_set_end(QlmWebSocketSet *set)
{
	dlist_iter	iter;

	set->shared.ending = true;
	dlist_foreach(iter, &set->open)
		qlm_websocket_close(dlist_container(QlmWebSocket, node, iter.cur),
							QLM_CLOSE_GOING_AWAY, "the node ends");
}

static void
release(QlmWebSocket *socket)
{
	socket->nrefs--;
	free_if_done(socket);
}

/*
 * Frees answered messages and sockets whose end was reported.  This is done
 * one run later, as their users may still have accessed them.
 */
static void
free_answered(QlmWebSocketSet *set)
{
	while (!dlist_is_empty(&set->told))
		release(dlist_container(QlmWebSocket, news_node,
								dlist_pop_head_node(&set->told)));
	while (!dlist_is_empty(&set->shared.answered))
	{
		QlmSocketMessage *m = dlist_container(QlmSocketMessage, line,
											  dlist_pop_head_node(&set->shared.answered));
		QlmWebSocket *socket = m->request.socket;

		pfree(m);
		release(socket);
	}
}

/* Watches for the events that can be handled now. */
static void
update_events(QlmWebSocketSet *set, QlmWebSocket *socket)
{
	uint32		events = (qlm_websocket_may_read(socket) && socket->rest == NULL ? EPOLLIN : 0) |
		(socket->out.n > 0 ? EPOLLOUT : 0);
	struct epoll_event event = {.events = events, .data.ptr = socket};

	if (events == socket->events)
		return;
	if (!(socket->events & EPOLLIN) && (events & EPOLLIN))
	{
		/* Nothing was read from it, so its silence does not count. */
		socket->heard_at = socket->begun_at = GetCurrentTimestamp();
		socket->pinged = false;
	}
	if (epoll_ctl(set->epoll, EPOLL_CTL_MOD, socket->fd, &event) != 0)
		elog(LOG, "could not watch a connection: %m");
	socket->events = events;
}

static void
run_events(QlmWebSocketSet *set)
{
	struct epoll_event events[MAX_EVENTS];
	int			n = epoll_wait(set->epoll, events, MAX_EVENTS, 0);

	for (int i = 0; i < n; i++)
	{
		QlmWebSocket *socket = events[i].data.ptr;

		if (events[i].events & (EPOLLERR | EPOLLHUP))
			socket->failed = true;
		else if (events[i].events & EPOLLIN)
			qlm_websocket_receive(socket);
		qlm_websocket_mark(socket);
	}
}

/* Each socket once: work that is left is done in the next run. */
static void
run_dirty(QlmWebSocketSet *set)
{
	dlist_head	dirty;

	dlist_init(&dirty);
	while (!dlist_is_empty(&set->shared.dirty))
		dlist_push_tail(&dirty, dlist_pop_head_node(&set->shared.dirty));
	while (!dlist_is_empty(&dirty))
	{
		QlmWebSocket *socket = dlist_container(QlmWebSocket, dirty_node,
											   dlist_pop_head_node(&dirty));

		socket->is_dirty = false;
		if (qlm_websocket_go_on(socket))
			update_events(set, socket);
		else
			drop(set, socket);
	}
}

static void
sweep(QlmWebSocketSet *set)
{
	TimestampTz now;
	dlist_iter	iter;

	if (set->nopen == 0)
		return;
	now = GetCurrentTimestamp();
	if (now < set->shared.next_sweep)
		return;
	set->shared.next_sweep =
		TimestampTzPlusMilliseconds(now, Min(Max(qlm_websocket_ping_ms() / 4, SWEEP_MIN_MS),
											 SWEEP_MAX_MS));
	dlist_foreach(iter, &set->open)
	{
		QlmWebSocket *socket = dlist_container(QlmWebSocket, node, iter.cur);

		qlm_websocket_check_times(socket, now, socket->state == QLM_SOCKET_OPEN &&
								  (socket->events & EPOLLIN) != 0);
	}
}

void
qlm_websocket_set_run(QlmWebSocketSet *set)
{
	free_answered(set);
	run_events(set);
	sweep(set);
	run_dirty(set);
}

int64
qlm_websocket_set_due(const QlmWebSocketSet *set)
{
	QlmWebSocketSet *s = unconstify(QlmWebSocketSet *, set);

	if (!dlist_is_empty(&s->shared.dirty) || !dlist_is_empty(&s->shared.ready) ||
		!dlist_is_empty(&s->shared.left) || !dlist_is_empty(&s->shared.answered) ||
		!dlist_is_empty(&s->shared.news) || !dlist_is_empty(&s->told))
		return 0;
	return set->nopen == 0 ? -1 :
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), set->shared.next_sweep);
}

TimestampTz
qlm_websocket_set_first(const QlmWebSocketSet *set)
{
	dlist_head *ready = &unconstify(QlmWebSocketSet *, set)->shared.ready;

	if (dlist_is_empty(ready))
		return DT_NOEND;
	return dlist_container(QlmSocketMessage, line,
						   dlist_head_node(ready))->request.received_at;
}

QlmHttpRequest *
qlm_websocket_set_next(QlmWebSocketSet *set)
{
	QlmSocketMessage *m = dlist_container(QlmSocketMessage, line,
										  dlist_pop_head_node(&set->shared.ready));

	m->phase = QLM_MESSAGE_TAKEN;
	return &m->request;
}

QlmHttpRequest *
qlm_websocket_set_left(QlmWebSocketSet *set)
{
	QlmSocketMessage *m;

	if (dlist_is_empty(&set->shared.left))
		return NULL;
	m = dlist_container(QlmSocketMessage, line, dlist_pop_head_node(&set->shared.left));
	m->phase = QLM_MESSAGE_TAKEN;
	return &m->request;
}

QlmWebSocket *
qlm_websocket_set_news(QlmWebSocketSet *set, bool *ended)
{
	QlmWebSocket *socket;

	if (dlist_is_empty(&set->shared.news))
		return NULL;
	socket = dlist_container(QlmWebSocket, news_node, dlist_pop_head_node(&set->shared.news));
	socket->has_news = false;
	*ended = socket->state == QLM_SOCKET_GONE;
	if (*ended)
	{
		socket->told_end = true;
		socket->nrefs++;
		dlist_push_tail(&set->told, &socket->news_node);
	}
	return socket;
}

void
qlm_websocket_set_destroy(QlmWebSocketSet *set)
{
	while (!dlist_is_empty(&set->open))
		drop(set, dlist_container(QlmWebSocket, node, dlist_head_node(&set->open)));
	close(set->epoll);
}
