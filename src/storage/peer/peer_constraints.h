/*
 * peer_constraints.h
 *		Rows that hold secrets, checked before the server checks them.
 */
#ifndef QLM_PEER_CONSTRAINTS_H
#define QLM_PEER_CONSTRAINTS_H

#include "access/htup.h"
#include "utils/relcache.h"

/* An error, with nothing of the row, if it is null where it may not be or violates a check. */
extern void qlm_peer_constraints_check(Relation relation, HeapTuple row);

#endif							/* QLM_PEER_CONSTRAINTS_H */
