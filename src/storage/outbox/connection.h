/*
 * connection.h
 *		WebSocket connections, as the tables know them: what is to be pushed on
 *		one is a row of the outbox with its name as url, and a subscription for
 *		one has its name as callback.
 *
 * As outbox.h: becomes the owner inside.  Names begin as no URL does, and sort
 * after all of them.  They tell which server worker holds
 * the connection; messages and SQL cannot name one, only say "0".
 */
#ifndef QLM_STORAGE_CONNECTION_H
#define QLM_STORAGE_CONNECTION_H

#include "nodes/pg_list.h"

#define QLM_CONNECTION_PREFIX		"~"
#define QLM_CONNECTION_NAME_SIZE	40

extern bool qlm_is_connection(const char *url);

/* A name that nobody can guess, for a connection of this worker */
extern void qlm_connection_name(char name[QLM_CONNECTION_NAME_SIZE],
								int worker);

/* The number of the worker that holds it; 0: it is no such name */
extern int	qlm_connection_worker(const char *name);

/* What waits for some connections, and how much of it they take at once */
typedef struct QlmPush
{
	int			connection;		/* which of them */
	char	   *envelope;
} QlmPush;

/*
 * Take what waits for these connections out of the queue, in order (List of
 * QlmPush *).  Each gets no more than it can hold at once; more[i]: there may
 * be more.  What its subscriber may not have any more is left out.
 */
extern List *qlm_connection_take(const char **names, int n, bool *more);

/*
 * They are gone: remove their subscriptions and what waits for them.  False:
 * somebody holds some of it, so it must be done again.
 */
extern bool qlm_connection_end(const char **names, int n);

/* All that subscriptions or outbox rows name (char *) */
extern List *qlm_connection_names(void);

#endif							/* QLM_STORAGE_CONNECTION_H */
