/*
 * stamp.h
 *		Says whether what a process remembers of a relation still holds.
 */
#ifndef QLM_STORAGE_STAMP_H
#define QLM_STORAGE_STAMP_H

#include "access/xact.h"

#include "storage/core/catalog.h"

typedef struct QlmStamp
{
	uint64		generation;
	TimestampTz transaction;	/* 0: any */
} QlmStamp;

/*
 * Take it before looking.  What a transaction with one snapshot for all its
 * statements sees may be old already, so it is for that transaction alone.
 */
static inline QlmStamp
qlm_stamp_take(QlmRelation relation)
{
	QlmStamp	stamp;

	stamp.generation = qlm_catalog_generation(relation);
	stamp.transaction = IsolationUsesXactSnapshot() ?
		GetCurrentTransactionStartTimestamp() : 0;
	return stamp;
}

static inline bool
qlm_stamp_holds(const QlmStamp *stamp, QlmRelation relation)
{
	return stamp->generation == qlm_catalog_generation(relation) &&
		(stamp->transaction == 0 ||
		 stamp->transaction == GetCurrentTransactionStartTimestamp());
}

#endif							/* QLM_STORAGE_STAMP_H */
