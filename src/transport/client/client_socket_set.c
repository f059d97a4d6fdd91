/*
 * client_socket_set.c
 *		The WebSockets that this node opens: which one a transfer uses, and
 *		when they are closed.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "base/client_settings.h"
#include "base/limits.h"
#include "transport/client/client_socket.h"
#include "transport/client/client_socket_set.h"
#include "transport/net/epoll.h"

#define MAX_IDLE		64		/* as for HTTP */
#define MAX_EVENTS		64

struct QlmClientSocketSet
{
	QlmClientSocketShared shared;
	dlist_head	all;
	int			nrunning;		/* number of transfers, with finished ones */
};

QlmClientSocketSet *
qlm_client_sockets_create(MemoryContext context, QlmAddressCheck allowed)
{
	QlmClientSocketSet *set = MemoryContextAllocZero(context, sizeof(QlmClientSocketSet));

	set->shared.context = context;
	set->shared.allowed = allowed;
	set->shared.epoll = qlm_epoll_create();
	dlist_init(&set->shared.finished);
	dlist_init(&set->all);
	return set;
}

int
qlm_client_sockets_fd(const QlmClientSocketSet *set)
{
	return set->shared.epoll;
}

int
qlm_client_sockets_running(const QlmClientSocketSet *set)
{
	return set->nrunning;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
leads_there(const QlmClientSocket *socket, const QlmTransfer *transfer)
{
	return socket->transfer == NULL && socket->state == QLM_CLIENT_SOCKET_OPEN &&
		socket->any_address == transfer->any_address &&
		strcmp(socket->url, transfer->url) == 0 &&
		same_text(socket->authorization, transfer->authorization) &&
		same_text(socket->proxy, transfer->proxy) &&
		socket->proxy_for_all == transfer->proxy_for_all;
}

/*
 * Returns an open socket with the same target and credentials as this
 * transfer, or NULL. After some time it is not used any more, as the host may
 * have another address.
 */
static QlmClientSocket *
find_idle(QlmClientSocketSet *set, const QlmTransfer *transfer)
{
	dlist_iter	iter;

	dlist_foreach(iter, &set->all)
	{
		QlmClientSocket *socket = dlist_container(QlmClientSocket, node, iter.cur);

		if (!leads_there(socket, transfer))
			continue;
		if (socket->opened_at > qlm_client_socket_now() - qlm_connection_age * INT64CONST(1000))
			return socket;
		qlm_client_socket_close(socket, QLM_CLOSE_NORMAL);
	}
	return NULL;
}

void
qlm_client_sockets_start(QlmClientSocketSet *set, QlmTransfer *transfer)
{
	QlmClientSocket *socket = find_idle(set, transfer);
	bool		is_new = socket == NULL;

	if (is_new)
	{
		socket = qlm_client_socket_create(&set->shared, transfer);
		dlist_push_tail(&set->all, &socket->node);
	}
	set->nrunning++;
	qlm_client_socket_start(socket, transfer, is_new);
}

static void
forget(QlmClientSocket *socket)
{
	dlist_delete(&socket->node);
	qlm_client_socket_free(socket);
}

void
qlm_client_sockets_free(QlmClientSocketSet *set)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &set->all)
		forget(dlist_container(QlmClientSocket, node, iter.cur));
	close(set->shared.epoll);
	pfree(set);
}

/*
 * Ends sockets in the order of their deadlines, and frees those that have
 * ended.
 */
static void
sweep(QlmClientSocketSet *set)
{
	int64		now = qlm_client_socket_now();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &set->all)
	{
		QlmClientSocket *socket = dlist_container(QlmClientSocket, node, iter.cur);

		if (qlm_client_socket_is_behind(socket))
			qlm_client_socket_go_on(socket);
		qlm_client_socket_check_times(socket, now);
		if (socket->state == QLM_CLIENT_SOCKET_GONE && socket->transfer == NULL)
			forget(socket);
	}
}

void
qlm_client_sockets_run(QlmClientSocketSet *set)
{
	struct epoll_event events[MAX_EVENTS];
	int			n;

	if (dlist_is_empty(&set->all))
		return;
	n = epoll_wait(set->shared.epoll, events, MAX_EVENTS, 0);
	for (int i = 0; i < n; i++)
	{
		QlmClientSocket *socket = events[i].data.ptr;

		if (socket->state != QLM_CLIENT_SOCKET_GONE)
			qlm_client_socket_go_on(socket);
	}
	sweep(set);
}

/* Closes the sockets used least recently if there are too many. */
static void
bound_idle(QlmClientSocketSet *set)
{
	QlmClientSocket *oldest = NULL;
	int			nidle = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &set->all)
	{
		QlmClientSocket *socket = dlist_container(QlmClientSocket, node, iter.cur);

		if (socket->transfer || socket->state != QLM_CLIENT_SOCKET_OPEN)
			continue;
		nidle++;
		if (oldest == NULL || socket->idle_since < oldest->idle_since)
			oldest = socket;
	}
	if (nidle > MAX_IDLE)
		qlm_client_socket_close(oldest, QLM_CLOSE_NORMAL);
}

QlmTransfer *
qlm_client_sockets_next(QlmClientSocketSet *set)
{
	QlmClientSocket *socket;
	QlmTransfer *transfer;

	if (dlist_is_empty(&set->shared.finished))
		return NULL;
	socket = dlist_container(QlmClientSocket, finished_node,
						   dlist_pop_head_node(&set->shared.finished));
	transfer = socket->transfer;
	socket->transfer = NULL;
	socket->is_finished = false;
	socket->idle_since = qlm_client_socket_now();
	set->nrunning--;
	bound_idle(set);
	return transfer;
}

bool
qlm_client_sockets_cancel(QlmClientSocketSet *set, QlmTransfer *transfer)
{
	dlist_iter	iter;

	dlist_foreach(iter, &set->all)
	{
		QlmClientSocket *socket = dlist_container(QlmClientSocket, node, iter.cur);

		if (socket->transfer != transfer)
			continue;
		if (socket->is_finished)
			dlist_delete(&socket->finished_node);
		else
			socket->state = QLM_CLIENT_SOCKET_GONE;
		socket->transfer = NULL;
		socket->is_finished = false;
		set->nrunning--;
		return true;
	}
	return false;
}

int64
qlm_client_sockets_due(const QlmClientSocketSet *set)
{
	QlmClientSocketSet *s = unconstify(QlmClientSocketSet *, set);
	int64		due = PG_INT64_MAX;
	dlist_iter	iter;

	if (!dlist_is_empty(&s->shared.finished))
		return 0;
	dlist_foreach(iter, &s->all)
		due = Min(due, qlm_client_socket_due(dlist_container(QlmClientSocket, node, iter.cur)));
	return due == PG_INT64_MAX ? -1 : Max(due - qlm_client_socket_now(), 0);
}

List *
qlm_client_sockets_idle(const QlmClientSocketSet *set, int ms)
{
	QlmClientSocketSet *s = unconstify(QlmClientSocketSet *, set);
	int64		before = qlm_client_socket_now() - ms;
	List	   *urls = NIL;
	dlist_iter	iter;

	dlist_foreach(iter, &s->all)
	{
		QlmClientSocket *socket = dlist_container(QlmClientSocket, node, iter.cur);

		if (socket->transfer == NULL && socket->state == QLM_CLIENT_SOCKET_OPEN &&
			socket->idle_since <= before)
			urls = lappend(urls, pstrdup(socket->url));
	}
	return urls;
}

void
qlm_client_sockets_close(QlmClientSocketSet *set, const char *url)
{
	dlist_iter	iter;

	dlist_foreach(iter, &set->all)
	{
		QlmClientSocket *socket = dlist_container(QlmClientSocket, node, iter.cur);

		if (socket->transfer == NULL && strcmp(socket->url, url) == 0)
			qlm_client_socket_close(socket, QLM_CLOSE_NORMAL);
	}
}
