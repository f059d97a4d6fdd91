/*
 * http_operation.h
 *		One request of the HTTP client, for http_client.c alone.
 */
#ifndef QLM_HTTP_OPERATION_H
#define QLM_HTTP_OPERATION_H

#include "postgres.h"

#include <arpa/inet.h>
#include <signal.h>

#include <curl/curl.h>

#include "lib/ilist.h"

#include "transport/client/http_client.h"

/* Why a callback of the library has ended a transfer */
typedef enum QlmHttpStop
{
	QLM_STOP_NOT,
	QLM_STOP_SIZE,
	QLM_STOP_HEADERS,
	QLM_STOP_MEMORY
} QlmHttpStop;

/* Serves one transfer after the other. */
typedef struct QlmHttpOperation
{
	/* For all of them */
	MemoryContext context;
	QlmAddressCheck allowed;
	CURL	   *easy;			/* NULL if there was no memory for it */

	/* For this one */
	QlmTransfer *transfer;
	dlist_node	node;			/* in the client's running, finished or idle */
	bool		added;			/* to the client's multi handle */
	char	   *target;			/* where a redirect leads; NULL: none was followed */
	int			nredirects;
	bool		is_elsewhere;	/* not where the transfer was to go: it shows no
								 * credentials there, and asks for the address */
	int			spent_ms;		/* until it was redirected */
	CURLU	   *url;
	char	   *host;			/* as allocated by the library */
	bool		is_proxied;
	struct curl_slist *headers;
	char	   *form;			/* the body as a form field */
	const char *body;			/* what is posted */
	Size		body_len;
	Size		body_sent;
	Size		header_size;	/* of the answer so far */
	bool		has_headers;	/* the empty line after them has come */
	QlmHttpStop stop;
	int			nallowed;		/* addresses tried */
	char		refused[INET6_ADDRSTRLEN];	/* the last address refused */
	char		error[CURL_ERROR_SIZE];
} QlmHttpOperation;

extern QlmHttpOperation *qlm_http_operation_create(MemoryContext context,
												   QlmAddressCheck allowed);
extern void qlm_http_operation_free(QlmHttpOperation *op);

/* Set up what the transfer says; false, with a reason, if that cannot be. */
extern bool qlm_http_operation_prepare(QlmHttpOperation *op,
									   QlmTransfer *transfer,
									   const char **error);

/*
 * The same for a transfer to a WebSocket: the library only connects, and does
 * what else the scheme wants, such as TLS.
 */
extern bool qlm_http_operation_prepare_socket(QlmHttpOperation *op,
											  QlmTransfer *transfer,
											  const char **error);

/* May its transfer go to this address? */
extern bool qlm_http_operation_allows(QlmHttpOperation *op,
									  const struct sockaddr *address);

/* Why the library, or an address that is not allowed, has ended it */
extern void qlm_http_operation_set_error(QlmHttpOperation *op, CURLcode code);

/* Note the way that the transfer took, and what came besides an answer. */
extern void qlm_http_operation_note(QlmHttpOperation *op, long status);

/* Note in the transfer what came of it. */
extern void qlm_http_operation_finish(QlmHttpOperation *op, CURLcode code);

/*
 * Its answer is a redirect that may be followed: the operation is ready to do so.
 * False: it is the answer, or the transfer says why not.  It must not be added.
 */
extern bool qlm_http_operation_redirect(QlmHttpOperation *op);

/* Forget the transfer: ready for another. */
extern void qlm_http_operation_clear(QlmHttpOperation *op);

/*
 * The library looks names up in a thread, which must not run signal handlers:
 * around whatever may start one.
 */
static inline void
qlm_http_block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static inline void
qlm_http_restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

#endif							/* QLM_HTTP_OPERATION_H */
