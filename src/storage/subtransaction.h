/*
 * subtransaction.h
 *		Statements that may fail, or may have to be taken back.
 *
 * Whoever begins one must end it on every way out, errors included.
 */
#ifndef QLM_STORAGE_SUBTRANSACTION_H
#define QLM_STORAGE_SUBTRANSACTION_H

#include "access/xact.h"
#include "utils/resowner.h"

typedef struct QlmSubtransaction
{
	MemoryContext context;
	ResourceOwner owner;
} QlmSubtransaction;

static inline void
qlm_subtransaction_begin(QlmSubtransaction *subtransaction)
{
	subtransaction->context = CurrentMemoryContext;
	subtransaction->owner = CurrentResourceOwner;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(subtransaction->context);
}

static inline void
qlm_subtransaction_commit(const QlmSubtransaction *subtransaction)
{
	ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(subtransaction->context);
	CurrentResourceOwner = subtransaction->owner;
}

static inline void
qlm_subtransaction_rollback(const QlmSubtransaction *subtransaction)
{
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(subtransaction->context);
	CurrentResourceOwner = subtransaction->owner;
}

#endif							/* QLM_STORAGE_SUBTRANSACTION_H */
