/*
 * socket_set.c
 *		The WebSockets of an HTTP server: which of them can go on, which have
 *		been silent or stuck for too long, and what there is to tell of them.
 *
 * A socket that has ended stays as long as somebody has one of its messages,
 * or its owner does not know yet.
 */
#include "postgres.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "process/settings.h"
#include "transport/epoll.h"
#include "transport/websocket/socket_state.h"

#define MAX_EVENTS		64
#define SWEEP_MIN_MS	100
#define SWEEP_MAX_MS	1000

void *
qlm_socket_alloc(QlmSocketSet *set, Size size)
{
	return MemoryContextAllocExtended(set->context, size,
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

QlmSocketSet *
qlm_socket_set_create(MemoryContext context, QlmSourceSet *sources,
					  QlmBudget *budget)
{
	QlmSocketSet *set = MemoryContextAllocZero(context, sizeof(QlmSocketSet));

	set->context = context;
	set->sources = sources;
	set->budget = budget;
	set->epoll = qlm_epoll_create();
	dlist_init(&set->open);
	dlist_init(&set->dirty);
	dlist_init(&set->ready);
	dlist_init(&set->left);
	dlist_init(&set->answered);
	dlist_init(&set->news);
	dlist_init(&set->told);
	return set;
}

int
qlm_socket_set_fd(const QlmSocketSet *set)
{
	return set->epoll;
}

Size
qlm_socket_set_unsent(const QlmSocketSet *set)
{
	return set->unsent;
}

int
qlm_socket_set_count(const QlmSocketSet *set)
{
	return set->nopen;
}

void
qlm_socket_mark(QlmWebSocket *socket)
{
	if (socket->is_dirty || socket->state == QLM_SOCKET_GONE)
		return;
	socket->is_dirty = true;
	dlist_push_tail(&socket->set->dirty, &socket->dirty_node);
}

static void
tell(QlmWebSocket *socket)
{
	if (socket->has_news)
		return;
	socket->has_news = true;
	dlist_push_tail(&socket->set->news, &socket->news_node);
}

void
qlm_socket_tell(QlmWebSocket *socket)
{
	if (socket->owner)
		tell(socket);
}

/* Free it if it has ended and nobody needs it. */
static void
free_if_done(QlmWebSocket *socket)
{
	if (socket->state != QLM_SOCKET_GONE || socket->nrefs > 0)
		return;
	if (socket->owner && !socket->told_end)
		qlm_socket_tell(socket);
	else
	{
		if (socket->has_news)
			dlist_delete(&socket->news_node);
		pfree(unconstify(char *, socket->path));
		pfree(socket);
	}
}

static void
forget_input(QlmWebSocket *socket)
{
	if (socket->rest)
		pfree(socket->rest);
	socket->rest = NULL;
	qlm_socket_forget_body(socket);
}

/* What is still under way counts no more as its address's. */
static void
leave_source(QlmWebSocket *socket)
{
	if (socket->guest.source)
		socket->guest.source->bodies.used -= socket->cost;
	qlm_source_leave(socket->set->sources, &socket->guest);
}

/* The connection ends now. */
void
qlm_socket_drop(QlmWebSocket *socket)
{
	QlmSocketSet *set = socket->set;

	if (socket->state == QLM_SOCKET_OPEN)
		qlm_socket_begin_close(socket, QLM_CLOSE_NORMAL, "");	/* for who is held */
	if (socket->is_dirty)
		dlist_delete(&socket->dirty_node);
	socket->is_dirty = false;
	socket->state = QLM_SOCKET_GONE;
	dlist_delete(&socket->node);
	set->nopen--;
	(void) epoll_ctl(set->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
	close(socket->fd);
	socket->fd = -1;
	qlm_socket_forget_output(socket);
	forget_input(socket);
	leave_source(socket);
	qlm_socket_tell(socket);
	free_if_done(socket);
}

static Size
text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *
place_text(char **to, const char *text)
{
	char	   *copy = *to;

	if (text == NULL)
		return NULL;
	memcpy(copy, text, text_size(text));
	*to += text_size(text);
	return copy;
}

static QlmWebSocket *
create_socket(QlmSocketSet *set, const QlmHttpRequest *request, Size early)
{
	QlmWebSocket *socket = qlm_socket_alloc(set, sizeof(QlmWebSocket));
	char	   *texts = qlm_socket_alloc(set, text_size(request->path) +
										 text_size(request->peer_name) +
										 text_size(request->authorization));
	char	   *rest = early > 0 ? qlm_socket_alloc(set, early) : NULL;

	if (socket == NULL || texts == NULL || (early > 0 && rest == NULL))
	{
		if (socket)
			pfree(socket);
		if (texts)
			pfree(texts);
		if (rest)
			pfree(rest);
		return NULL;
	}
	memset(socket, 0, sizeof(QlmWebSocket));
	socket->set = set;
	socket->id = ++set->last_id;
	socket->path = place_text(&texts, request->path);
	socket->peer_name = place_text(&texts, request->peer_name);
	socket->authorization = place_text(&texts, request->authorization);
	socket->client = request->client;
	socket->acknowledge = request->acknowledge;
	socket->is_proxied = request->is_proxied;
	socket->rest = rest;
	socket->rest_len = early;
	socket->last_kind = QLM_FRAME_TEXT;
	socket->window = QLM_SOCKET_LINE_START;
	dlist_init(&socket->messages);
	slist_init(&socket->chunks);
	qlm_frame_reader_init(&socket->reader, qlm_max_message_size);
	return socket;
}

static bool
evict(QlmGuest *guest)
{
	QlmWebSocket *socket = (QlmWebSocket *) ((char *) guest - offsetof(QlmWebSocket, guest));

	socket->failed = true;
	qlm_socket_mark(socket);
	return true;
}

bool
qlm_socket_set_add(QlmSocketSet *set, int fd,
				   const QlmHttpRequest *request, const char *early, Size len,
				   QlmGuest *guest)
{
	QlmWebSocket *socket = create_socket(set, request, len);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = socket};
	int			on = 1;

	if (socket == NULL)
		return false;
	if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
	{
		elog(LOG, "could not watch a connection: %m");
		socket->state = QLM_SOCKET_GONE;
		forget_input(socket);
		free_if_done(socket);
		return false;
	}
	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (len > 0)
		memcpy(socket->rest, early, len);
	socket->fd = fd;
	socket->events = EPOLLIN;
	socket->heard_at = socket->sent_at = socket->begun_at = GetCurrentTimestamp();
	qlm_source_enter_as(set->sources, &socket->guest, guest, evict);
	dlist_push_tail(&set->open, &socket->node);
	set->nopen++;
	qlm_socket_mark(socket);
	tell(socket);
	if (set->ending)
		qlm_socket_begin_close(socket, QLM_CLOSE_GOING_AWAY, "the node ends");
	return true;
}

void
qlm_socket_set_end(QlmSocketSet *set)
{
	dlist_iter	iter;

	set->ending = true;
	dlist_foreach(iter, &set->open)
		qlm_socket_begin_close(dlist_container(QlmWebSocket, node, iter.cur),
							   QLM_CLOSE_GOING_AWAY, "the node ends");
}

static void
release(QlmWebSocket *socket)
{
	socket->nrefs--;
	free_if_done(socket);
}

/*
 * Messages that were answered, sockets whose end was told.  Not before now:
 * who had them may have looked at them once more.
 */
static void
free_answered(QlmSocketSet *set)
{
	while (!dlist_is_empty(&set->told))
		release(dlist_container(QlmWebSocket, news_node,
								dlist_pop_head_node(&set->told)));
	while (!dlist_is_empty(&set->answered))
	{
		QlmSocketMessage *m = dlist_container(QlmSocketMessage, line,
											  dlist_pop_head_node(&set->answered));
		QlmWebSocket *socket = m->request.socket;

		pfree(m);
		release(socket);
	}
}

/* Watch for what can be dealt with. */
static void
update_events(QlmWebSocket *socket)
{
	uint32		events = (qlm_socket_may_read(socket) && socket->rest == NULL ? EPOLLIN : 0) |
		(socket->nchunks > 0 ? EPOLLOUT : 0);
	struct epoll_event event = {.events = events, .data.ptr = socket};

	if (events == socket->events)
		return;
	if (!(socket->events & EPOLLIN) && (events & EPOLLIN))
	{
		/* Its silence was that of one who is not listened to. */
		socket->heard_at = socket->begun_at = GetCurrentTimestamp();
		socket->pinged = false;
	}
	if (epoll_ctl(socket->set->epoll, EPOLL_CTL_MOD, socket->fd, &event) != 0)
		elog(LOG, "could not watch a connection: %m");
	socket->events = events;
}

static void
run_events(QlmSocketSet *set)
{
	struct epoll_event events[MAX_EVENTS];
	int			n = epoll_wait(set->epoll, events, MAX_EVENTS, 0);

	for (int i = 0; i < n; i++)
	{
		QlmWebSocket *socket = events[i].data.ptr;

		if (events[i].events & (EPOLLERR | EPOLLHUP))
			socket->failed = true;
		else if (events[i].events & EPOLLIN)
			qlm_socket_receive(socket);
		qlm_socket_mark(socket);
	}
}

/* Each once: what one leaves to be done again is done in the next run. */
static void
run_dirty(QlmSocketSet *set)
{
	dlist_head	dirty;

	dlist_init(&dirty);
	while (!dlist_is_empty(&set->dirty))
		dlist_push_tail(&dirty, dlist_pop_head_node(&set->dirty));
	while (!dlist_is_empty(&dirty))
	{
		QlmWebSocket *socket = dlist_container(QlmWebSocket, dirty_node,
											   dlist_pop_head_node(&dirty));

		socket->is_dirty = false;
		if (qlm_socket_go_on(socket))
			update_events(socket);
	}
}

/* Of silence, before a ping */
static int
ping_ms(void)
{
	return Min(qlm_ping_interval, qlm_request_timeout / 2);
}

/*
 * What takes too long: to read what is sent, to send a message that has begun,
 * to answer a ping, to close.  Who is not read from is not to blame.
 */
static void
check_times(QlmWebSocket *socket, TimestampTz now)
{
	bool		listens = socket->state == QLM_SOCKET_OPEN && (socket->events & EPOLLIN) != 0;

	qlm_socket_check_life(socket, now, listens);
	if ((socket->state == QLM_SOCKET_FINISHED && now >= socket->close_by) ||
		(socket->nchunks > 0 &&
		 TimestampDifferenceExceeds(socket->sent_at, now, qlm_request_timeout)))
	{
		socket->failed = true;
		qlm_socket_mark(socket);
	}
	else if (!listens)
		return;
	else if (!qlm_frame_is_between(&socket->reader) &&
			 TimestampDifferenceExceeds(socket->begun_at, now, qlm_request_timeout))
		qlm_socket_begin_close(socket, QLM_CLOSE_POLICY,
							   "the message takes longer than qlm.request_timeout");
	else if (TimestampDifferenceExceeds(socket->heard_at, now, qlm_request_timeout))
		qlm_socket_begin_close(socket, QLM_CLOSE_INTERNAL, "no answer to a ping");
	else if (!socket->pinged &&
			 TimestampDifferenceExceeds(socket->heard_at, now, ping_ms()))
	{
		socket->pinged = true;
		qlm_socket_send(socket, qlm_socket_chunk(socket->set, QLM_FRAME_PING, NULL, 0));
	}
}

static void
sweep(QlmSocketSet *set)
{
	TimestampTz now;
	dlist_iter	iter;

	if (set->nopen == 0)
		return;
	now = GetCurrentTimestamp();
	if (now < set->next_sweep)
		return;
	set->next_sweep =
		TimestampTzPlusMilliseconds(now, Min(Max(ping_ms() / 4, SWEEP_MIN_MS),
											 SWEEP_MAX_MS));
	dlist_foreach(iter, &set->open)
		check_times(dlist_container(QlmWebSocket, node, iter.cur), now);
}

void
qlm_socket_set_run(QlmSocketSet *set)
{
	free_answered(set);
	run_events(set);
	sweep(set);
	run_dirty(set);
}

int64
qlm_socket_set_due(const QlmSocketSet *set)
{
	QlmSocketSet *s = unconstify(QlmSocketSet *, set);

	if (!dlist_is_empty(&s->dirty) || !dlist_is_empty(&s->ready) ||
		!dlist_is_empty(&s->left) || !dlist_is_empty(&s->answered) ||
		!dlist_is_empty(&s->news) || !dlist_is_empty(&s->told))
		return 0;
	return set->nopen == 0 ? -1 :
		TimestampDifferenceMilliseconds(GetCurrentTimestamp(), set->next_sweep);
}

TimestampTz
qlm_socket_set_first(const QlmSocketSet *set)
{
	dlist_head *ready = &unconstify(QlmSocketSet *, set)->ready;

	if (dlist_is_empty(ready))
		return DT_NOEND;
	return dlist_container(QlmSocketMessage, line,
						   dlist_head_node(ready))->request.received_at;
}

QlmHttpRequest *
qlm_socket_set_next(QlmSocketSet *set)
{
	QlmSocketMessage *m = dlist_container(QlmSocketMessage, line,
										  dlist_pop_head_node(&set->ready));

	m->phase = QLM_MESSAGE_TAKEN;
	return &m->request;
}

QlmHttpRequest *
qlm_socket_set_left(QlmSocketSet *set)
{
	QlmSocketMessage *m;

	if (dlist_is_empty(&set->left))
		return NULL;
	m = dlist_container(QlmSocketMessage, line, dlist_pop_head_node(&set->left));
	m->phase = QLM_MESSAGE_TAKEN;
	return &m->request;
}

QlmWebSocket *
qlm_socket_set_news(QlmSocketSet *set, bool *ended)
{
	QlmWebSocket *socket;

	if (dlist_is_empty(&set->news))
		return NULL;
	socket = dlist_container(QlmWebSocket, news_node, dlist_pop_head_node(&set->news));
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
qlm_socket_set_destroy(QlmSocketSet *set)
{
	while (!dlist_is_empty(&set->open))
		qlm_socket_drop(dlist_container(QlmWebSocket, node, dlist_head_node(&set->open)));
	close(set->epoll);
}
