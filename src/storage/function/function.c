/*
 * function.c
 *		Calls SQL functions of other users.
 *
 * A function runs with the caller's rights if its owner has these, for a
 * limited time.  It leaves nothing in the process but what it has written to
 * tables.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "storage/core/fmgr_guard.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/function/function.h"

/* A function that ignores a cancel is cancelled again after this time. */
#define CANCEL_AGAIN_MS 1000

Oid
qlm_function_oid(const char *signature)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		oid;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(signature);
	fcinfo->args[0].isnull = false;
	oid = to_regprocedure(fcinfo);
	return fcinfo->isnull ? InvalidOid : DatumGetObjectId(oid);
}

/*
 * Unqualified names in a function are looked up in its own schema, then in
 * that of this extension, and never where callers may create objects.
 */
bool
qlm_function_find(Oid oid, const char *extension_schema, QlmFunction *function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
	Form_pg_proc proc;
	char	   *schema;

	memset(function, 0, sizeof(QlmFunction));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	schema = get_namespace_name(proc->pronamespace);
	if (schema)
	{
		function->call = quote_qualified_identifier(schema, NameStr(proc->proname));
		function->search_path = psprintf("%s, %s, pg_temp", quote_identifier(schema),
										 extension_schema);
	}
	ReleaseSysCache(tuple);
	return function->call != NULL;
}

bool
qlm_function_may_run(Oid oid, Oid role)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
	Form_pg_proc proc;
	bool		may;

	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	may = proc->prosecdef || has_privs_of_role(proc->proowner, role);
	ReleaseSysCache(tuple);
	return may;
}

/*
 * Was the lock taken by pg_advisory_lock?  Those of the worker have another
 * kind.
 */
static bool
is_left_behind(const LockInstanceData *lock)
{
	return lock->pid == MyProcPid && lock->holdMask != 0 &&
		lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
		(lock->locktag.locktag_field4 == 1 || lock->locktag.locktag_field4 == 2);
}

void
qlm_function_release_locks(void)
{
	static const LOCKMODE modes[] = {ShareLock, ExclusiveLock};
	LockData   *locks;

	if (!qlm_fmgr_guard_was_called())
		return;
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
		for (int m = 0; m < lengthof(modes); m++)
			while (is_left_behind(&locks->locks[i]) &&
				   qlm_lock_held(&locks->locks[i].locktag, modes[m]))
				LockRelease(&locks->locks[i].locktag, modes[m], true);
}

/*
 * The function gets the same settings in a session and in a worker.  As in
 * maintenance commands on tables of others, it may not leave deferred
 * triggers, cursors, temporary tables or prepared statements that would run
 * later.
 */
void
qlm_function_run(const QlmFunctionCall *call)
{
	int			level = NewGUCNestLevel();
	Oid			user;
	int			context;

	check_stack_depth();
	GetUserIdAndSecContext(&user, &context);
	(void) set_config_option("search_path", call->function->search_path, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	qlm_rights_fix_spelling();
	if (call->foreign)
	{
		qlm_fmgr_guard_note();
		SetUserIdAndSecContext(user, context | SECURITY_RESTRICTED_OPERATION);
	}
	call->work(call->arg);
	SetUserIdAndSecContext(user, context);
	AtEOXact_GUC(false, level);
}

/* The time limit of the innermost function that has one; 0: none */
static TimestampTz current_end = 0;
static volatile sig_atomic_t time_is_over = false;
static TimeoutId end_timeout = MAX_TIMEOUTS;

static void
handle_end(void)
{
	time_is_over = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/* A function called by another one ends with it at the latest. */
static TimestampTz
begin_time(TimestampTz end)
{
	TimestampTz outer = current_end;

	if (end_timeout == MAX_TIMEOUTS)
		end_timeout = RegisterTimeout(USER_TIMEOUT, handle_end);
	if (outer != 0)
		end = Min(end, outer);
	if (end != DT_NOEND)
	{
		current_end = end;
		enable_timeout_every(end_timeout, end, CANCEL_AGAIN_MS);
	}
	return outer;
}

/* Ends the time limit.  Returns whether it had passed. */
static bool
end_time(TimestampTz outer)
{
	bool		late;

	if (current_end != 0)
		disable_timeout(end_timeout, false);
	late = time_is_over;
	if (late)
		QueryCancelPending = false;
	time_is_over = false;
	current_end = outer;
	if (outer != 0)
		enable_timeout_every(end_timeout, outer, CANCEL_AGAIN_MS);
	return late;
}

/* A cancel that was not sent for the time limit is for the whole statement. */
static bool
must_leave(const ErrorData *error, bool late)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED && !late &&
		!qlm_error_is_said(error);
}

/* The time limit is removed however the function ends. */
static void
run_until_end(QlmFunctionCall *call)
{
	TimestampTz outer = begin_time(call->end);

	PG_TRY();
	{
		qlm_function_run(call);
	}
	PG_FINALLY();
	{
		call->late = end_time(outer);
	}
	PG_END_TRY();
}

ErrorData *
qlm_function_try(QlmFunctionCall *call)
{
	Oid			user;
	int			context;
	ErrorData  *volatile failure = NULL;

	GetUserIdAndSecContext(&user, &context);
	QLM_SUBTRANSACTION_TRY();
	{
		run_until_end(call);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		SetUserIdAndSecContext(user, context);
		failure = error;
	}
	QLM_SUBTRANSACTION_END();
	if (failure && must_leave(failure, call->late))
		ReThrowError(failure);
	return failure;
}
