/*
 * curl_multi.c
 *		libcurl's multi interface, with its sockets in an epoll set.
 *
 * libcurl resolves names in a thread, which must not run signal handlers.  So
 * signals are blocked around calls that may start one.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/epoll.h>

#include "transport/client/curl_multi.h"

#define MAX_EVENTS	64

static void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

void
qlm_curl_start(void)
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

/* A socket that cannot be watched ends by its timeout. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	const QlmCurlMulti *multi = arg;
	struct epoll_event event = {.data.fd = fd};

	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (what == CURL_POLL_REMOVE)
		(void) epoll_ctl(multi->epoll, EPOLL_CTL_DEL, fd, &event);
	else if (epoll_ctl(multi->epoll, EPOLL_CTL_MOD, fd, &event) != 0 &&
			 errno == ENOENT)
		(void) epoll_ctl(multi->epoll, EPOLL_CTL_ADD, fd, &event);
	return 0;
}

bool
qlm_curl_multi_init(QlmCurlMulti *multi, int epoll)
{
	multi->epoll = epoll;
	multi->handle = curl_multi_init();
	if (multi->handle == NULL)
		return false;
	curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
	return true;
}

void
qlm_curl_multi_free(QlmCurlMulti *multi)
{
	sigset_t	before;

	if (multi->handle == NULL)
		return;
	block_signals(&before);
	curl_multi_cleanup(multi->handle);
	restore_signals(&before);
	multi->handle = NULL;
}

bool
qlm_curl_multi_add(QlmCurlMulti *multi, CURL *easy)
{
	sigset_t	before;
	bool		added;

	block_signals(&before);
	added = curl_multi_add_handle(multi->handle, easy) == CURLM_OK;
	restore_signals(&before);
	return added;
}

void
qlm_curl_multi_remove(QlmCurlMulti *multi, CURL *easy)
{
	sigset_t	before;

	block_signals(&before);
	curl_multi_remove_handle(multi->handle, easy);
	restore_signals(&before);
}

static int
select_mask(uint32 events)
{
	return (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		(events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		(events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

/* Tells libcurl what has happened.  Returns false if nothing has. */
static bool
run_once(QlmCurlMulti *multi)
{
	struct epoll_event events[MAX_EVENTS];
	int			n = epoll_wait(multi->epoll, events, MAX_EVENTS, 0);
	long		timeout = -1;
	int			running;

	for (int i = 0; i < n; i++)
		curl_multi_socket_action(multi->handle, events[i].data.fd,
								 select_mask(events[i].events), &running);
	curl_multi_timeout(multi->handle, &timeout);
	if (timeout == 0)
		curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
	return n > 0 || timeout == 0;
}

void
qlm_curl_multi_run(QlmCurlMulti *multi, int rounds)
{
	sigset_t	before;

	block_signals(&before);
	while (rounds-- > 0 && run_once(multi))
		 /* there may be more at once */ ;
	restore_signals(&before);
}

CURL *
qlm_curl_multi_next(QlmCurlMulti *multi, CURLcode *result)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(multi->handle, &left)) != NULL)
		if (message->msg == CURLMSG_DONE)
		{
			*result = message->data.result;
			return message->easy_handle;
		}
	return NULL;
}

/*
 * libcurl is asked each time.  Its timer callback is not enough, as it is not
 * called again when a timer was handled a little early.
 */
int64
qlm_curl_multi_due(const QlmCurlMulti *multi)
{
	long		timeout = -1;

	curl_multi_timeout(multi->handle, &timeout);
	return timeout;
}
