/*
 * way.h
 *		How peers are called, for qlm.stat_peer.
 */
#ifndef QLM_WAY_H
#define QLM_WAY_H

#include "transport/client/http_client.h"

/*
 * A peer was called at its URL.  why: what was wrong with what it answered, or why
 * it did not; NULL: nothing.  In a transaction; noted where it is news.
 */
extern void qlm_way_note(int peer_id, const QlmTransfer *transfer, const char *why);

#endif							/* QLM_WAY_H */
