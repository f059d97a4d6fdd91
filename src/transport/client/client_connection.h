/*
 * client_connection.h
 *		The connection below a WebSocket that this node opens: the library
 *		resolves the name, connects and does TLS, with the same checks as for
 *		HTTP; then bytes go both ways.
 */
#ifndef QLM_CLIENT_CONNECTION_H
#define QLM_CLIENT_CONNECTION_H

#include "transport/client/curl_multi.h"
#include "transport/client/http_operation.h"
#include "transport/coding/handshake.h"
#include "transport/websocket/frame_queue.h"

typedef enum QlmConnecting
{
	QLM_CONNECTING,
	QLM_CONNECTED,
	QLM_CONNECT_FAILED			/* the transfer says why */
} QlmConnecting;

/*
 * The multi handle is its own: in a shared one the library would close what seems
 * idle to it.
 */
typedef struct QlmClientConnection
{
	QlmHttpOperation *op;		/* NULL: there is none */
	QlmCurlMulti multi;
	int			epoll;			/* -1: none */
	curl_socket_t fd;
	bool		wants_to_send;	/* as the epoll set knows */
} QlmClientConnection;

extern void qlm_client_connection_init(QlmClientConnection *connection);

/* Set up what the transfer says; false, with a reason, if that cannot be. */
extern bool qlm_client_connection_prepare(QlmClientConnection *connection,
										  MemoryContext context,
										  QlmAddressCheck allowed,
										  QlmTransfer *transfer,
										  const char **error);

/* Connect; owner: what an event of this epoll set names.  False: no memory. */
extern bool qlm_client_connection_begin(QlmClientConnection *connection,
										int epoll, void *owner);

/* Go on connecting, as far as that is possible without waiting. */
extern QlmConnecting qlm_client_connection_go_on(QlmClientConnection *connection);

/* ms until that must be done even if nothing happens; -1: never */
extern int64 qlm_client_connection_due(const QlmClientConnection *connection);

/*
 * It is used for another transfer: may that go to its address?  False, with a
 * reason in the transfer or none.
 */
extern bool qlm_client_connection_allows(QlmClientConnection *connection,
										 QlmTransfer *transfer);

/*
 * The request for the upgrade, in at most QLM_MAX_UPGRADE bytes, and what must be
 * answered to it.  authorization: a header's value, or NULL.  NULL: no memory; len
 * 0: something does not fit a header.
 */
extern QlmQueuedFrame *qlm_client_connection_request(QlmClientConnection *connection,
													 MemoryContext context,
													 const char *authorization,
													 char accept[QLM_ACCEPT_SIZE]);

/* Watch it for what can be read and, where that is wanted, sent. */
extern void qlm_client_connection_watch(QlmClientConnection *connection,
										bool wants_to_send);

/* Everything that belongs to it */
extern void qlm_client_connection_end(QlmClientConnection *connection);

#endif							/* QLM_CLIENT_CONNECTION_H */
