/*
 * handler.c
 *		SQL functions that are registered for paths: the methods of calls, and
 *		what reads devices.
 *
 * They are other people's code, which runs with the caller's rights, for a
 * bounded time, and leaves nothing in the process but what it has written.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "storage/array.h"
#include "storage/catalog.h"
#include "storage/handler.h"
#include "storage/subtransaction.h"

/* A function that does not heed its first cancel gets another each so often. */
#define CANCEL_AGAIN_MS 1000

static QlmPlan find_plan = {
	"SELECT h.path, h.function, pg_catalog.to_regprocedure(h.function)::pg_catalog.oid,"
	" (SELECT e.extnamespace::pg_catalog.regnamespace::pg_catalog.text"
	" FROM pg_catalog.pg_extension e WHERE e.extname = 'qlm')"
	" FROM qlm.handler h WHERE h.path = ANY ($1) AND h.verb = $2"
	" ORDER BY pg_catalog.length(h.path) DESC LIMIT 1",
	2, {TEXTARRAYOID, TEXTOID}
};

/* The path itself and all above it */
static Datum
path_and_above(const char *path)
{
	int			n = 1;
	int			len;
	const char **paths;

	for (const char *p = path; *p; p++)
		n += *p == '/';
	paths = palloc(n * sizeof(char *));
	n = 0;
	for (len = strlen(path); len > 0; len--)
		if (path[len] == '\0' || path[len] == '/')
			paths[n++] = pnstrdup(path, len);
	return qlm_array_text(paths, n);
}

static bool
is_supported(const Form_pg_proc proc, QlmHandler *handler)
{
	const Oid  *args = proc->proargtypes.values;

	handler->takes_text = proc->pronargs == 1 && args[0] == TEXTOID;
	handler->takes_path = proc->pronargs == 2 && args[0] == TEXTOID &&
		args[1] == XMLOID;
	handler->returns_xml = proc->prorettype == XMLOID;
	handler->returns_void = proc->prorettype == VOIDOID;
	return proc->prokind == PROKIND_FUNCTION && !proc->proretset &&
		(handler->takes_text || handler->takes_path ||
		 (proc->pronargs == 1 && args[0] == XMLOID)) &&
		(handler->returns_xml || handler->returns_void ||
		 proc->prorettype == TEXTOID);
}

/*
 * A function runs with the rights of who calls it, so its owner could borrow
 * those of a superuser who calls it unawares.
 */
static void
describe(Oid function, QlmHandler *handler)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;

	if (!HeapTupleIsValid(tuple))
		return;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	handler->schema = get_namespace_name(proc->pronamespace);
	handler->found = handler->schema != NULL && is_supported(proc, handler);
	handler->trusted = proc->prosecdef || !superuser() ||
		superuser_arg(proc->proowner);
	if (handler->found)
		handler->call = quote_qualified_identifier(handler->schema,
												   NameStr(proc->proname));
	ReleaseSysCache(tuple);
}

bool
qlm_handler_find(const char *path, const char *verb, QlmHandler *handler)
{
	Datum		values[2] = {path_and_above(path), CStringGetTextDatum(verb)};
	QlmRights	saved;
	bool		found;
	bool		isnull = true;
	Oid			function = InvalidOid;

	memset(handler, 0, sizeof(QlmHandler));
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&find_plan, values, NULL, 1);
	qlm_rights_restore(&saved);
	found = SPI_processed > 0;
	if (found)
	{
		handler->path = qlm_spi_text(0, 1);
		handler->name = qlm_spi_text(0, 2);
		function = DatumGetObjectId(qlm_spi_datum(0, 3, &isnull));
		handler->extension_schema = qlm_spi_text(0, 4);
	}
	SPI_freetuptable(SPI_tuptable);
	if (found && !isnull)
		describe(function, handler);
	return found;
}

/*
 * What is written without a schema is looked for where the function itself
 * is, then where this extension is; never where a caller could put things.
 */
static void
set_search_path(const QlmHandler *handler)
{
	char	   *path = psprintf("%s, %s, pg_temp",
								quote_identifier(handler->schema),
								handler->extension_schema);

	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

static char *
execute(const QlmHandler *handler, const QlmHandlerInput *input)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *sql = psprintf("SELECT %s(%s)", handler->call,
							   handler->takes_path ? "$1, $2" : "$1");
	const char *first = handler->takes_path ? input->path :
		(handler->takes_text ? input->value : input->payload);
	Oid			types[2] = {handler->takes_path || handler->takes_text ? TEXTOID : XMLOID,
	XMLOID};
	Datum		values[2];
	char		nulls[2] = {first ? ' ' : 'n', ' '};
	char	   *output = NULL;
	int			result;

	values[0] = first ? CStringGetTextDatum(first) : (Datum) 0;
	values[1] = CStringGetTextDatum(input->payload);
	result = SPI_execute_with_args(sql, handler->takes_path ? 2 : 1, types,
								   values, nulls, false, 1);
	MemoryContextSwitchTo(context);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
	if (SPI_processed > 0 && !handler->returns_void)
		output = qlm_spi_text(0, 1);
	SPI_freetuptable(SPI_tuptable);
	return output;
}

/* A function of somebody else has run since locks were released. */
static bool may_hold_locks = false;

/* One that pg_advisory_lock has taken; the worker has others of its own */
static bool
is_left_behind(const LockInstanceData *lock)
{
	return lock->pid == MyProcPid && lock->holdMask != 0 &&
		lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
		(lock->locktag.locktag_field4 == 1 || lock->locktag.locktag_field4 == 2);
}

void
qlm_handler_release_locks(void)
{
	static const LOCKMODE modes[] = {ShareLock, ExclusiveLock};
	LockData   *locks;

	if (!may_hold_locks)
		return;
	may_hold_locks = false;
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
		for (int m = 0; m < lengthof(modes); m++)
			while (is_left_behind(&locks->locks[i]) &&
				   qlm_lock_held(&locks->locks[i].locktag, modes[m]))
				LockRelease(&locks->locks[i].locktag, modes[m], true);
}

/*
 * Restricted as maintenance of other people's tables is: no deferred trigger,
 * cursor, temporary table or prepared statement that a superuser's process
 * would run later.
 */
char *
qlm_handler_run(const QlmHandler *handler, const QlmHandlerInput *input,
				bool foreign)
{
	int			level = NewGUCNestLevel();
	Oid			user;
	int			context;
	char	   *output;

	check_stack_depth();
	GetUserIdAndSecContext(&user, &context);
	set_search_path(handler);
	if (foreign)
	{
		may_hold_locks = true;
		SetUserIdAndSecContext(user, context | SECURITY_RESTRICTED_OPERATION);
	}
	output = execute(handler, input);
	SetUserIdAndSecContext(user, context);
	AtEOXact_GUC(false, level);
	return output;
}

/* The end of the innermost function that has one; 0: none has */
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

/* A function that another one calls ends with that one at the latest. */
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

/* Was the time over? */
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

/* Retries are the caller's, and a cancel that is none of ours is for all. */
static bool
must_leave(const ErrorData *error, bool late)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TRANSACTION_ROLLBACK ||
		(error->sqlerrcode == ERRCODE_QUERY_CANCELED && !late);
}

ErrorData *
qlm_handler_try(const QlmHandler *handler, const QlmHandlerInput *input,
				bool foreign, TimestampTz end, char **output, bool *late)
{
	QlmSubtransaction subtransaction;
	QlmRights	saved;
	TimestampTz outer;
	ErrorData  *volatile error = NULL;

	GetUserIdAndSecContext(&saved.user, &saved.context);
	qlm_subtransaction_begin(&subtransaction);
	outer = begin_time(end);
	PG_TRY();
	{
		*output = qlm_handler_run(handler, input, foreign);
		*late = end_time(outer);
		qlm_subtransaction_commit(&subtransaction);
	}
	PG_CATCH();
	{
		*late = end_time(outer);
		error = qlm_subtransaction_catch(&subtransaction);
		qlm_rights_restore(&saved);
	}
	PG_END_TRY();
	if (error && must_leave(error, *late))
		ReThrowError(error);
	return error;
}
