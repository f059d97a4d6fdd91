/*
 * subtransaction.h
 *		Statements that may fail, or may have to be taken back.
 *
 *		QLM_SUBTRANSACTION_TRY();
 *		{
 *			... what may fail ...
 *		}
 *		QLM_SUBTRANSACTION_CATCH(error);
 *		{
 *			... it was taken back; error is an ErrorData * of the caller's context ...
 *		}
 *		QLM_SUBTRANSACTION_END();
 *
 * The rules are those of PG_TRY: no return, break or goto leads out of either block, and
 * local variables that the first block sets and that are read after an error are volatile.
 * An error may be raised again by ReThrowError.
 */
#ifndef QLM_SUBTRANSACTION_H
#define QLM_SUBTRANSACTION_H

#include "access/xact.h"
#include "utils/elog.h"
#include "utils/resowner.h"

#include "base/sqlstate.h"

/* Private: what the macros keep */
typedef struct QlmSubtransaction
{
	MemoryContext context;
	ResourceOwner owner;
	bool		undo;
} QlmSubtransaction;

#define QLM_SUBTRANSACTION_TRY() \
	do { \
		QlmSubtransaction subtransaction_; \
		qlm_subtransaction_begin(&subtransaction_); \
		PG_TRY(); \
		{

/* In the first block: take back what it did when it ends, without an error. */
#define QLM_SUBTRANSACTION_UNDO() \
			(subtransaction_.undo = true)

#define QLM_SUBTRANSACTION_CATCH(error_) \
			qlm_subtransaction_end(&subtransaction_); \
		} \
		PG_CATCH(); \
		{ \
			ErrorData  *error_ = qlm_subtransaction_catch(&subtransaction_)

#define QLM_SUBTRANSACTION_END() \
		} \
		PG_END_TRY(); \
	} while (0)

/* Private, as the next two: for the macros */
static inline void
qlm_subtransaction_begin(QlmSubtransaction *subtransaction)
{
	subtransaction->context = CurrentMemoryContext;
	subtransaction->owner = CurrentResourceOwner;
	subtransaction->undo = false;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(subtransaction->context);
}

static inline void
qlm_subtransaction_end(const QlmSubtransaction *subtransaction)
{
	if (subtransaction->undo)
		RollbackAndReleaseCurrentSubTransaction();
	else
		ReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(subtransaction->context);
	CurrentResourceOwner = subtransaction->owner;
}

static inline ErrorData *
qlm_subtransaction_catch(QlmSubtransaction *subtransaction)
{
	ErrorData  *error;

	MemoryContextSwitchTo(subtransaction->context);
	error = CopyErrorData();
	FlushErrorState();
	subtransaction->undo = true;
	qlm_subtransaction_end(subtransaction);
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
