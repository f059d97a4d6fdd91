/*
 * push.h
 *		What is queued for a peer that is connected by WebSocket.
 */
#ifndef QLM_PUSH_H
#define QLM_PUSH_H

#include "nodes/pg_list.h"

#include "service/exchange.h"

/*
 * Take what is due for the peer of a connection, as messages to be pushed there
 * (List of char *).  valid: it is still the peer that it was.
 */
extern List *qlm_push_queued(const QlmConnected *connected, bool *valid);

#endif							/* QLM_PUSH_H */
