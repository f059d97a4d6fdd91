/*
 * http_client.c
 *		Many HTTP requests at once, on libcurl's multi interface.
 *
 * The library's sockets are in an epoll descriptor that nests in whatever
 * waits.  What goes to WebSockets is in lines.c.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "base/url.h"
#include "transport/client/http_client.h"
#include "transport/client/http_operation.h"
#include "transport/client/lines.h"
#include "transport/client/outgoing.h"
#include "transport/epoll.h"

#define MAX_IDLE_CONNECTIONS	64
#define MAX_IDLE_OPERATIONS 16	/* each has buffers of the library */
#define MAX_EVENTS			64
#define MAX_ROUNDS			8		/* then others have their turn */

struct QlmHttpClient
{
	MemoryContext context;
	CURLM	   *multi;
	int			epoll;
	QlmLines   *lines;			/* WebSockets */
	QlmAddressCheck allowed;
	dlist_head	running;
	dlist_head	finished;
	dlist_head	idle;
	int			nrunning;		/* finished ones included */
	int			nidle;
};

/* What cannot be watched ends by its timeout. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	QlmHttpClient *client = arg;
	struct epoll_event event = {.data.fd = fd};

	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (what == CURL_POLL_REMOVE)
		(void) epoll_ctl(client->epoll, EPOLL_CTL_DEL, fd, &event);
	else if (epoll_ctl(client->epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
			 errno == ENOENT)
		(void) epoll_ctl(client->epoll, EPOLL_CTL_ADD, fd, &event);
	return 0;
}

static void
start_library(void)
{
	static bool started = false;

	if (started)
		return;
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not start libcurl")));
	started = true;
}

QlmHttpClient *
qlm_http_client_create(QlmAddressCheck allowed)
{
	QlmHttpClient *client = palloc0(sizeof(QlmHttpClient));

	start_library();
	client->context = CurrentMemoryContext;
	client->allowed = allowed;
	dlist_init(&client->running);
	dlist_init(&client->finished);
	dlist_init(&client->idle);
	client->epoll = qlm_epoll_create();
	client->lines = qlm_lines_create(client->context, allowed);
	qlm_epoll_nest(client->epoll, qlm_lines_fd(client->lines));
	client->multi = curl_multi_init();
	if (client->multi == NULL)
	{
		close(client->epoll);
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				 errdetail("libcurl could not be started.")));
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS,
					  (long) MAX_IDLE_CONNECTIONS);
	return client;
}

static void
free_operations(QlmHttpClient *client, dlist_head *list)
{
	while (!dlist_is_empty(list))
	{
		QlmHttpOperation *op = dlist_container(QlmHttpOperation, node, dlist_pop_head_node(list));

		if (op->added)
			curl_multi_remove_handle(client->multi, op->easy);
		qlm_http_operation_free(op);
	}
}

/* With all of its transfers */
void
qlm_http_client_free(QlmHttpClient *client)
{
	sigset_t	before;

	qlm_http_block_signals(&before);
	free_operations(client, &client->running);
	free_operations(client, &client->finished);
	free_operations(client, &client->idle);
	curl_multi_cleanup(client->multi);
	qlm_http_restore_signals(&before);
	qlm_lines_free(client->lines);
	close(client->epoll);
	pfree(client);
}

int
qlm_http_client_fd(const QlmHttpClient *client)
{
	return client->epoll;
}

static QlmHttpOperation *
take_operation(QlmHttpClient *client)
{
	if (dlist_is_empty(&client->idle))
		return qlm_http_operation_create(client->context, client->allowed);
	client->nidle--;
	return dlist_container(QlmHttpOperation, node,
						   dlist_pop_head_node(&client->idle));
}

static void
release_operation(QlmHttpClient *client, QlmHttpOperation *op)
{
	client->nrunning--;
	if (op->easy == NULL || client->nidle >= MAX_IDLE_OPERATIONS)
	{
		qlm_http_operation_free(op);
		return;
	}
	qlm_http_operation_clear(op);
	dlist_push_head(&client->idle, &op->node);
	client->nidle++;
}

static bool
add_operation(QlmHttpClient *client, QlmHttpOperation *op)
{
	sigset_t	before;

	qlm_http_block_signals(&before);
	op->added = curl_multi_add_handle(client->multi, op->easy) == CURLM_OK;
	qlm_http_restore_signals(&before);
	return op->added;
}

void
qlm_http_client_start(QlmHttpClient *client, QlmTransfer *transfer)
{
	MemoryContext before = MemoryContextSwitchTo(client->context);
	QlmHttpOperation *op;
	const char *error;

	transfer->status = 0;
	transfer->error[0] = '\0';
	transfer->reach = QLM_REACH_NOTHING;
	transfer->location[0] = transfer->address[0] = transfer->through[0] = '\0';
	transfer->forbidden = false;
	initStringInfo(&transfer->answer);
	MemoryContextSwitchTo(before);
	if (qlm_url_is_socket(transfer->url))
	{
		qlm_lines_start(client->lines, transfer);
		return;
	}

	op = take_operation(client);
	client->nrunning++;
	if (qlm_http_operation_prepare(op, transfer, &error) &&
		add_operation(client, op))
		dlist_push_tail(&client->running, &op->node);
	else
	{
		qlm_outgoing_set_error(transfer, error);
		dlist_push_tail(&client->finished, &op->node);
	}
}

static void
remove_operation(QlmHttpClient *client, QlmHttpOperation *op)
{
	sigset_t	before;

	if (!op->added)
		return;
	qlm_http_block_signals(&before);
	curl_multi_remove_handle(client->multi, op->easy);
	qlm_http_restore_signals(&before);
	op->added = false;
}

static void
collect_results(QlmHttpClient *client)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		CURLcode	code = message->data.result;
		QlmHttpOperation *op = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &op);
		qlm_http_operation_finish(op, code);
		remove_operation(client, op);
		dlist_delete(&op->node);
		if (qlm_http_operation_redirect(op) && add_operation(client, op))
			dlist_push_tail(&client->running, &op->node);
		else
			dlist_push_tail(&client->finished, &op->node);
	}
}

/* Tell the library what has happened; false if nothing has. */
static bool
run_once(QlmHttpClient *client)
{
	struct epoll_event events[MAX_EVENTS];
	int			n = epoll_wait(client->epoll, events, MAX_EVENTS, 0);
	long		timeout = -1;
	bool		any = false;
	int			running;

	for (int i = 0; i < n; i++)
	{
		int			what = 0;

		if (events[i].data.fd == qlm_lines_fd(client->lines))
			continue;
		any = true;
		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(client->multi, events[i].data.fd, what,
								 &running);
	}
	curl_multi_timeout(client->multi, &timeout);
	if (timeout == 0)
		curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0,
								 &running);
	return any || timeout == 0;
}

void
qlm_http_client_run(QlmHttpClient *client)
{
	sigset_t	before;
	int			rounds = 0;

	qlm_http_block_signals(&before);
	while (rounds++ < MAX_ROUNDS && run_once(client))
		 /* there may be more at once */ ;
	qlm_http_restore_signals(&before);
	collect_results(client);
	qlm_lines_run(client->lines);
}

QlmTransfer *
qlm_http_client_next(QlmHttpClient *client)
{
	QlmHttpOperation *op;
	QlmTransfer *transfer;

	if (dlist_is_empty(&client->finished))
		return qlm_lines_next(client->lines);
	op = dlist_container(QlmHttpOperation, node,
						 dlist_pop_head_node(&client->finished));
	transfer = op->transfer;
	release_operation(client, op);
	return transfer;
}

static QlmHttpOperation *
find_operation(dlist_head *list, const QlmTransfer *transfer)
{
	dlist_iter	iter;

	dlist_foreach(iter, list)
	{
		QlmHttpOperation *op = dlist_container(QlmHttpOperation, node, iter.cur);

		if (op->transfer == transfer)
			return op;
	}
	return NULL;
}

void
qlm_http_client_cancel(QlmHttpClient *client, QlmTransfer *transfer)
{
	QlmHttpOperation *op = find_operation(&client->running, transfer);

	if (op == NULL)
		op = find_operation(&client->finished, transfer);
	if (op == NULL)
	{
		(void) qlm_lines_cancel(client->lines, transfer);
		return;
	}
	remove_operation(client, op);
	dlist_delete(&op->node);
	release_operation(client, op);
}

/*
 * Asked of the library each time rather than kept from its timer callback,
 * which is not called again when a timer was fired a little early.
 */
int64
qlm_http_client_due(const QlmHttpClient *client)
{
	int64		due = qlm_lines_due(client->lines);
	long		timeout = -1;

	if (!dlist_is_empty((dlist_head *) &client->finished))
		return 0;
	curl_multi_timeout(client->multi, &timeout);
	return timeout < 0 ? due : due < 0 ? timeout : Min(timeout, due);
}

int
qlm_http_client_running(const QlmHttpClient *client)
{
	return client->nrunning + qlm_lines_running(client->lines);
}

List *
qlm_http_client_idle_sockets(const QlmHttpClient *client, int ms)
{
	return qlm_lines_idle(client->lines, ms);
}

void
qlm_http_client_close_sockets(QlmHttpClient *client, const List *urls)
{
	ListCell   *lc;

	foreach(lc, urls)
		qlm_lines_close(client->lines, lfirst(lc));
}
