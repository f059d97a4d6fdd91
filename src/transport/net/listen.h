/*
 * listen.h
 *		Listening sockets, and the connections that come in by them.
 */
#ifndef QLM_LISTEN_H
#define QLM_LISTEN_H

#include "postgres.h"

#include <sys/socket.h>

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#define QLM_MAX_LISTEN 32

typedef struct QlmListener
{
	int			epoll;			/* of the owner; holds the sockets, too */
	int			sockets[QLM_MAX_LISTEN];
	int			nsockets;
	bool		accepting;		/* the sockets are in the set */
	TimestampTz accept_again;	/* out of files until then; 0: not */
	StringInfoData address;		/* where it listens, for people */
} QlmListener;

extern void qlm_listener_init(QlmListener *listener, int epoll);

/*
 * Listen on every address that the list of hosts stands for, and nowhere else
 * any more; * is all of them.  The sockets let others of this user listen on
 * the same port, which is how the workers of a database share it; alone asks
 * first that nobody does.  On failure it listens nowhere, and error says why.
 */
extern bool qlm_listener_open(QlmListener *listener, const char *hosts,
							  int port, bool alone, StringInfo error);
extern void qlm_listener_close(QlmListener *listener);

/* Take in what waits, at most so many; take becomes the owner of each. */
typedef void (*QlmTakeSocket) (void *arg, int fd,
							   const struct sockaddr *address, socklen_t len);
extern void qlm_listener_run(QlmListener *listener, int room,
							 QlmTakeSocket take, void *arg);

/* Raise this process's limit of open files by so many connections. */
extern void qlm_listener_allow_files(int connections);

#endif							/* QLM_LISTEN_H */
