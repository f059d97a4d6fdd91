/*
 * http_operation.h
 *		One request on libcurl's easy interface: set up, within its bounds, and
 *		what came of it.
 */
#ifndef QLM_HTTP_OPERATION_H
#define QLM_HTTP_OPERATION_H

#include <arpa/inet.h>

#include <curl/curl.h>

#include "lib/ilist.h"

#include "transport/client/transfer.h"

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

/* Note in the transfer what came of it. */
extern void qlm_http_operation_finish(QlmHttpOperation *op, CURLcode code);

/* Forget the transfer: ready for another. */
extern void qlm_http_operation_clear(QlmHttpOperation *op);

#endif							/* QLM_HTTP_OPERATION_H */
