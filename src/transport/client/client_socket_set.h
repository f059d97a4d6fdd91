/*
 * client_socket_set.h
 *		WebSockets that this node opens to push messages on them, for
 *		http_client.c alone: transfers whose URL begins with ws or wss.
 *
 * There is one for each URL, and what is shown there.  It stays open until
 * it has been told to close, the other end closes, or it shows no life.
 *
 * A transfer is done when the other end has shown that it has read the message:
 * by the pong to a ping that was sent behind it, or by an answer.  One that has
 * waited for a while may be dead without anybody knowing: what was pushed on it
 * in vain is pushed once more on a new one.
 */
#ifndef QLM_CLIENT_SOCKET_SET_H
#define QLM_CLIENT_SOCKET_SET_H

#include "nodes/pg_list.h"

#include "transport/client/transfer.h"

typedef struct QlmClientSocketSet QlmClientSocketSet;

extern QlmClientSocketSet *qlm_client_sockets_create(MemoryContext context,
								  QlmAddressCheck allowed);

/* A descriptor that is readable when there is something to do */
extern void qlm_client_sockets_free(QlmClientSocketSet *set);
extern int	qlm_client_sockets_fd(const QlmClientSocketSet *set);

/* As those of http_client.h */
extern void qlm_client_sockets_start(QlmClientSocketSet *set, QlmTransfer *transfer);
extern bool qlm_client_sockets_cancel(QlmClientSocketSet *set, QlmTransfer *transfer);
extern void qlm_client_sockets_run(QlmClientSocketSet *set);
extern QlmTransfer *qlm_client_sockets_next(QlmClientSocketSet *set);
extern int64 qlm_client_sockets_due(const QlmClientSocketSet *set);
extern int	qlm_client_sockets_running(const QlmClientSocketSet *set);
extern List *qlm_client_sockets_idle(const QlmClientSocketSet *set, int ms);
extern void qlm_client_sockets_close(QlmClientSocketSet *set, const char *url);

#endif							/* QLM_CLIENT_SOCKET_SET_H */
