/*
 * client_socket.h
 *		A WebSocket that this node opens: messages are pushed one after the
 *		other.  For client_socket_set.c alone.
 */
#ifndef QLM_CLIENT_SOCKET_H
#define QLM_CLIENT_SOCKET_H

#include "lib/ilist.h"

#include "transport/client/client_connection.h"
#include "transport/websocket/frame.h"
#include "transport/websocket/frame_queue.h"

#define QLM_CLIENT_SOCKET_BUFFER	(64 * 1024)

typedef enum QlmClientSocketState
{
	QLM_CLIENT_SOCKET_CONNECTING,	/* up to TLS, by the library */
	QLM_CLIENT_SOCKET_ASKING,	/* for the upgrade */
	QLM_CLIENT_SOCKET_OPEN,
	QLM_CLIENT_SOCKET_CLOSING,	/* the close is among what is to be sent */
	QLM_CLIENT_SOCKET_GONE
} QlmClientSocketState;

/* What those of a set share; who is done with its transfer is put in the list. */
typedef struct QlmClientSocketShared
{
	MemoryContext context;
	QlmAddressCheck allowed;
	int			epoll;			/* of the set */
	dlist_head	finished;
	char		buffer[QLM_CLIENT_SOCKET_BUFFER];
} QlmClientSocketShared;

/* Times are milliseconds of a clock that is never set. */
typedef struct QlmClientSocket
{
	dlist_node	node;
	dlist_node	finished_node;
	QlmClientSocketShared *shared;
	QlmClientSocketState state;

	/* where it leads */
	char	   *url;
	char	   *authorization;
	char	   *proxy;			/* NULL: none */
	bool		proxy_for_all;
	bool		any_address;

	/* the connection */
	QlmClientConnection connection;
	uint64		nconnections;	/* the how many-th it is */

	/* in */
	char		accept[QLM_ACCEPT_SIZE];
	char	   *head;			/* of the answer to the upgrade */
	Size		head_len;
	QlmFrameReader reader;
	bool		in_message;
	bool		is_envelope;	/* the message that comes looks like one */
	bool		has_more;		/* there may be more to read at once */
	Size		nread;			/* since the last push */

	/* out */
	QlmFrameQueue out;

	/* what is pushed */
	QlmTransfer *transfer;		/* NULL: nothing */
	bool		is_finished;	/* and waits to be taken */
	bool		was_used;		/* something was acknowledged before */
	uint32		secret;			/* of this connection, in its pings */
	uint64		npushes;
	uint64		nanswers;		/* messages that came after a push */
	bool		answers_pings;
	bool		acknowledges;	/* said so: its answers count, not its pongs */
	bool		is_sent;		/* the last push */
	bool		is_heard;		/* anything since it */
	int64		pushed_at;
	int64		deadline;		/* of the transfer */
	int64		heard_at;
	int64		pinged_at;		/* 0: not since it was heard */
	int64		idle_since;
	int64		opened_at;
	int64		close_by;
} QlmClientSocket;

extern int64 qlm_client_socket_now(void);

/* One that leads where this transfer goes; may raise an error. */
extern QlmClientSocket *qlm_client_socket_create(QlmClientSocketShared *shared,
												 const QlmTransfer *transfer);
extern void qlm_client_socket_free(QlmClientSocket *socket);

/* Push this; it is connected for that, or may be used again. */
extern void qlm_client_socket_start(QlmClientSocket *socket, QlmTransfer *transfer,
									bool is_new);

/* What can be done without waiting; and what time says */
extern void qlm_client_socket_go_on(QlmClientSocket *socket);
extern void qlm_client_socket_check_times(QlmClientSocket *socket, int64 now);
extern int64 qlm_client_socket_due(const QlmClientSocket *socket);

/* Is there something to do for it that no event tells of? */
extern bool qlm_client_socket_is_behind(const QlmClientSocket *socket);
extern void qlm_client_socket_close(QlmClientSocket *socket, int code);

#endif							/* QLM_CLIENT_SOCKET_H */
