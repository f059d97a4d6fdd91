/*
 * validity.h
 *		Says whether what a process remembers of a relation still holds.
 */
#ifndef QLM_VALIDITY_H
#define QLM_VALIDITY_H

#include "access/xact.h"

#include "storage/core/catalog.h"

typedef struct QlmValidity
{
	uint64		generation;
	TimestampTz transaction;	/* 0: any */
} QlmValidity;

/*
 * Take it before looking.  What a transaction with one snapshot for all its
 * statements sees may be old already, so it is for that transaction alone.
 */
static inline QlmValidity
qlm_validity_take(QlmRelation relation)
{
	QlmValidity	validity;

	validity.generation = qlm_catalog_generation(relation);
	validity.transaction = IsolationUsesXactSnapshot() ?
		GetCurrentTransactionStartTimestamp() : 0;
	return validity;
}

static inline bool
qlm_validity_holds(const QlmValidity *validity, QlmRelation relation)
{
	return validity->generation == qlm_catalog_generation(relation) &&
		(validity->transaction == 0 ||
		 validity->transaction == GetCurrentTransactionStartTimestamp());
}

#endif							/* QLM_VALIDITY_H */
