/*
 * lines.c
 *		The WebSockets that this node opens: which of them a transfer takes, and
 *		when they end.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "base/limits.h"
#include "transport/client/line.h"
#include "transport/epoll.h"

#define MAX_IDLE		64		/* as connections of HTTP */
#define MAX_EVENTS		64

QlmLines *
qlm_lines_create(MemoryContext context, QlmAddressCheck allowed)
{
	QlmLines   *lines = MemoryContextAllocZero(context, sizeof(QlmLines));

	lines->context = context;
	lines->allowed = allowed;
	lines->epoll = qlm_epoll_create();
	dlist_init(&lines->all);
	dlist_init(&lines->finished);
	return lines;
}

int
qlm_lines_fd(const QlmLines *lines)
{
	return lines->epoll;
}

int
qlm_lines_running(const QlmLines *lines)
{
	return lines->nrunning;
}

void
qlm_line_finish(QlmLine *line)
{
	line->is_finished = true;
	dlist_push_tail(&line->lines->finished, &line->finished_node);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
leads_there(const QlmLine *line, const QlmTransfer *transfer)
{
	return line->transfer == NULL && line->state == QLM_LINE_OPEN &&
		line->any_address == transfer->any_address &&
		strcmp(line->url, transfer->url) == 0 &&
		same_text(line->authorization, transfer->authorization) &&
		same_text(line->proxy, transfer->proxy) &&
		line->proxy_for_all == transfer->proxy_for_all;
}

/*
 * An open one that leads there, and shows there what this transfer would.  After
 * some time its host may have another address.
 */
static QlmLine *
find_idle(QlmLines *lines, const QlmTransfer *transfer)
{
	dlist_iter	iter;

	dlist_foreach(iter, &lines->all)
	{
		QlmLine    *line = dlist_container(QlmLine, node, iter.cur);

		if (!leads_there(line, transfer))
			continue;
		if (line->opened_at > qlm_line_now() - qlm_connection_age * INT64CONST(1000))
			return line;
		qlm_line_begin_close(line, QLM_CLOSE_NORMAL);
	}
	return NULL;
}

static QlmLine *
create_line(QlmLines *lines, const QlmTransfer *transfer)
{
	QlmLine    *line = MemoryContextAllocZero(lines->context, sizeof(QlmLine));

	line->lines = lines;
	line->url = MemoryContextStrdup(lines->context, transfer->url);
	if (transfer->authorization)
		line->authorization = MemoryContextStrdup(lines->context, transfer->authorization);
	if (transfer->proxy)
		line->proxy = MemoryContextStrdup(lines->context, transfer->proxy);
	line->proxy_for_all = transfer->proxy_for_all;
	line->any_address = transfer->any_address;
	line->epoll = -1;
	line->fd = CURL_SOCKET_BAD;
	slist_init(&line->pieces);
	dlist_push_tail(&lines->all, &line->node);
	return line;
}

void
qlm_lines_start(QlmLines *lines, QlmTransfer *transfer)
{
	QlmLine    *line = find_idle(lines, transfer);
	bool		is_new = line == NULL;

	if (is_new)
		line = create_line(lines, transfer);
	lines->nrunning++;
	line->transfer = transfer;
	line->is_finished = false;
	line->deadline = qlm_line_now() + Max(transfer->timeout_ms, 1);
	if (is_new)
		qlm_line_connect(line);
	else if (!qlm_line_is_its_address(line))
	{
		if (transfer->forbidden)
			qlm_line_refuse(line, 0, NULL);
		else
			qlm_line_fail(line, "it ended the connection");
	}
	else
		qlm_line_push(line);
	if (line->state != QLM_LINE_GONE)
		qlm_line_go_on(line);
}

static void
free_line(QlmLine *line)
{
	qlm_line_disconnect(line);
	dlist_delete(&line->node);
	pfree(line->url);
	if (line->authorization)
		pfree(line->authorization);
	if (line->proxy)
		pfree(line->proxy);
	pfree(line);
}

void
qlm_lines_free(QlmLines *lines)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lines->all)
		free_line(dlist_container(QlmLine, node, iter.cur));
	close(lines->epoll);
	pfree(lines);
}

/* What was waited for first; those that have ended go only here. */
static void
sweep(QlmLines *lines)
{
	int64		now = qlm_line_now();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lines->all)
	{
		QlmLine    *line = dlist_container(QlmLine, node, iter.cur);

		if (line->has_more || (line->state == QLM_LINE_CONNECTING && line->multi))
			qlm_line_go_on(line);
		qlm_line_check_times(line, now);
		if (line->npieces > 0 && line->state != QLM_LINE_GONE && !line->wants_to_send)
			qlm_line_go_on(line);
		if (line->state == QLM_LINE_GONE && line->transfer == NULL)
			free_line(line);
	}
}

void
qlm_lines_run(QlmLines *lines)
{
	struct epoll_event events[MAX_EVENTS];
	int			n;

	if (dlist_is_empty(&lines->all))
		return;
	n = epoll_wait(lines->epoll, events, MAX_EVENTS, 0);
	for (int i = 0; i < n; i++)
	{
		QlmLine    *line = events[i].data.ptr;

		if (line->state != QLM_LINE_GONE)
			qlm_line_go_on(line);
	}
	sweep(lines);
}

/* Only so many are kept; the one that was used longest ago goes. */
static void
bound_idle(QlmLines *lines)
{
	QlmLine    *oldest = NULL;
	int			nidle = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &lines->all)
	{
		QlmLine    *line = dlist_container(QlmLine, node, iter.cur);

		if (line->transfer || line->state != QLM_LINE_OPEN)
			continue;
		nidle++;
		if (oldest == NULL || line->idle_since < oldest->idle_since)
			oldest = line;
	}
	if (nidle > MAX_IDLE)
		qlm_line_begin_close(oldest, QLM_CLOSE_NORMAL);
}

QlmTransfer *
qlm_lines_next(QlmLines *lines)
{
	QlmLine    *line;
	QlmTransfer *transfer;

	if (dlist_is_empty(&lines->finished))
		return NULL;
	line = dlist_container(QlmLine, finished_node,
						   dlist_pop_head_node(&lines->finished));
	transfer = line->transfer;
	line->transfer = NULL;
	line->is_finished = false;
	line->idle_since = qlm_line_now();
	lines->nrunning--;
	bound_idle(lines);
	return transfer;
}

bool
qlm_lines_cancel(QlmLines *lines, QlmTransfer *transfer)
{
	dlist_iter	iter;

	dlist_foreach(iter, &lines->all)
	{
		QlmLine    *line = dlist_container(QlmLine, node, iter.cur);

		if (line->transfer != transfer)
			continue;
		if (line->is_finished)
			dlist_delete(&line->finished_node);
		else
			line->state = QLM_LINE_GONE;
		line->transfer = NULL;
		line->is_finished = false;
		lines->nrunning--;
		return true;
	}
	return false;
}

int64
qlm_lines_due(const QlmLines *lines)
{
	QlmLines   *l = unconstify(QlmLines *, lines);
	int64		due = PG_INT64_MAX;
	dlist_iter	iter;

	if (!dlist_is_empty(&l->finished))
		return 0;
	dlist_foreach(iter, &l->all)
		due = Min(due, qlm_line_due(dlist_container(QlmLine, node, iter.cur)));
	return due == PG_INT64_MAX ? -1 : Max(due - qlm_line_now(), 0);
}

List *
qlm_lines_idle(const QlmLines *lines, int ms)
{
	QlmLines   *l = unconstify(QlmLines *, lines);
	int64		before = qlm_line_now() - ms;
	List	   *urls = NIL;
	dlist_iter	iter;

	dlist_foreach(iter, &l->all)
	{
		QlmLine    *line = dlist_container(QlmLine, node, iter.cur);

		if (line->transfer == NULL && line->state == QLM_LINE_OPEN &&
			line->idle_since <= before)
			urls = lappend(urls, pstrdup(line->url));
	}
	return urls;
}

void
qlm_lines_close(QlmLines *lines, const char *url)
{
	dlist_iter	iter;

	dlist_foreach(iter, &lines->all)
	{
		QlmLine    *line = dlist_container(QlmLine, node, iter.cur);

		if (line->transfer == NULL && strcmp(line->url, url) == 0)
			qlm_line_begin_close(line, QLM_CLOSE_NORMAL);
	}
}
