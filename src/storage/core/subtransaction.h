/*
 * subtransaction.h
 *		Statements that may fail, or may have to be taken back.
 *
 * Whoever begins one must end it on every way out, errors included.
 */
#ifndef QLM_SUBTRANSACTION_H
#define QLM_SUBTRANSACTION_H

#include "access/xact.h"
#include "utils/elog.h"
#include "utils/resowner.h"

#include "base/sqlstate.h"

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

/* In PG_CATCH: take it back; returns the error, in the context of who began it. */
static inline ErrorData *
qlm_subtransaction_catch(const QlmSubtransaction *subtransaction)
{
	ErrorData  *error;

	MemoryContextSwitchTo(subtransaction->context);
	error = CopyErrorData();
	FlushErrorState();
	qlm_subtransaction_rollback(subtransaction);
	return error;
}

/* Has a function in a procedural language said so? */
static inline bool
qlm_error_is_said(const ErrorData *error)
{
	return qlm_sqlstate_is_said(error->filename);
}

/*
 * Retries are the caller's, and what ends the session must end it.  A function
 * that says so does not.
 */
static inline bool
qlm_error_must_leave(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return category == ERRCODE_TRANSACTION_ROLLBACK ||
		(category == ERRCODE_OPERATOR_INTERVENTION && !qlm_error_is_said(error));
}

/* May the same go well when it comes again?  Else it will not. */
static inline bool
qlm_error_may_pass(const ErrorData *error)
{
	return qlm_sqlstate_code(error->sqlerrcode, error->filename) == 503;
}

#endif							/* QLM_SUBTRANSACTION_H */
