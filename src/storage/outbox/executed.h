/*
 * executed.h
 *		Requests of peers that were executed, with their answers: qlm.executed.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_EXECUTED_H
#define QLM_STORAGE_EXECUTED_H

#include "storage/peer/peer.h"

/*
 * Requests of a peer that were executed: the answer that was given to what was
 * asked for (service/road/request_hash.h) under this id, NULL if it is new.  Kept for ten
 * minutes, across restarts.
 */
#define QLM_REMEMBERED_FOR (10 * USECS_PER_MINUTE)

extern char *qlm_executed_answer(const QlmPeer *peer, const char *id,
								 const char *content);
extern void qlm_executed_remember(const QlmPeer *peer, const char *id,
								  const char *content, const char *answer);

#endif							/* QLM_STORAGE_EXECUTED_H */
