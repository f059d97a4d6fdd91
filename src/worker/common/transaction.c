/*
 * transaction.c
 *		The transactions of a worker: their time is limited, their errors are
 *		caught, and they leave nothing behind in the session.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/prepare.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "process/loop.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/function/function.h"
#include "worker/common/transaction.h"

static int	last_code = 0;

int
qlm_transaction_code(void)
{
	return last_code;
}

static QlmVerdict
verdict_on(const ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
			return QLM_VERDICT_AGAIN;
		case ERRCODE_QUERY_CANCELED:
			return qlm_error_is_said(error) ? QLM_VERDICT_FAILED : QLM_VERDICT_LATE;
		case ERRCODE_LOCK_NOT_AVAILABLE:
			return QLM_VERDICT_LATE;
		default:
			return QLM_VERDICT_FAILED;
	}
}

/* Rolls back after an error was caught, and says what is to be done next. */
static QlmVerdict
roll_back(MemoryContext context, char **message)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	qlm_loop_work_end();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	DropAllPreparedStatements();	/* these survive a rollback */
	MemoryContextSwitchTo(context);
	RESUME_INTERRUPTS();

	*message = error->message ? error->message : "unknown error";
	last_code = qlm_sqlstate_code(error->sqlerrcode, error->filename);
	return verdict_on(error);
}

QlmVerdict
qlm_transaction_run(void (*work) (void *arg), void *arg, int timeout_ms,
					char **message)
{
	MemoryContext context = CurrentMemoryContext;
	volatile QlmVerdict verdict = QLM_VERDICT_DONE;

	PG_TRY();
	{
		qlm_loop_work_begin(timeout_ms);
		SetCurrentStatementStartTimestamp();
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		MemoryContextSwitchTo(context);
		work(arg);
		qlm_rights_clean_session();
		PopActiveSnapshot();
		CommitTransactionCommand();
		qlm_loop_work_end();
		MemoryContextSwitchTo(context);
	}
	PG_CATCH();
	{
		verdict = roll_back(context, message);
	}
	PG_END_TRY();
	qlm_function_release_locks();
	return verdict;
}
