/*
 * audit.c
 *		Lets extensions that audit statements work in workers.
 *
 * pgaudit leaves out statements that the session's user could not have run, so
 * that the insides of SECURITY DEFINER functions are not logged.  The user of
 * a worker's session has no rights at all, so no statement of a caller would
 * be logged.  While it checks a statement of a caller, the current user is
 * therefore the session's user; no code of others runs in that time.  The role
 * is logged in a line of its own, since log_line_prefix cannot name the user
 * of a worker.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "storage/core/rights.h"
#include "worker/common/audit.h"

static ExecutorCheckPerms_hook_type next_check = NULL;
static ExecutorEnd_hook_type next_end = NULL;
static emit_log_hook_type next_log = NULL;

static Oid	acting = InvalidOid;	/* the role, during a check */

/* An entry is made before a statement, or after it if its rows are counted. */
static bool
check(QLM_PERMISSIONS_PARAMETERS)
{
	Oid			user;
	int			context;
	bool		allowed;

	if (!qlm_rights_are_of_caller())
		return next_check(QLM_PERMISSIONS_ARGUMENTS);
	GetUserIdAndSecContext(&user, &context);
	acting = user;
	PG_TRY();
	{
		SetUserIdAndSecContext(GetSessionUserId(), context);
		allowed = next_check(QLM_PERMISSIONS_ARGUMENTS);
	}
	PG_FINALLY();
	{
		SetUserIdAndSecContext(user, context);
		acting = InvalidOid;
	}
	PG_END_TRY();
	return allowed;
}

static void
end(QueryDesc *query)
{
	Oid			user;
	int			context;

	if (!qlm_rights_are_of_caller())
	{
		next_end(query);
		return;
	}
	GetUserIdAndSecContext(&user, &context);
	acting = user;
	PG_TRY();
	{
		SetUserIdAndSecContext(GetSessionUserId(), context);
		next_end(query);
	}
	PG_FINALLY();
	{
		SetUserIdAndSecContext(user, context);
		acting = InvalidOid;
	}
	PG_END_TRY();
}

static void
log_entry(ErrorData *entry)
{
	if (OidIsValid(acting) && entry->detail_log == NULL && entry->elevel < ERROR)
		entry->detail_log = psprintf("For a message, with the rights of role \"%s\".",
									 GetUserNameFromId(acting, true));
	if (next_log)
		next_log(entry);
}

void
qlm_audit_register(void)
{
	if (ExecutorCheckPerms_hook == NULL || ExecutorEnd_hook == NULL ||
		GetConfigOption("pgaudit.log", true, false) == NULL)
		return;
	next_check = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = check;
	next_end = ExecutorEnd_hook;
	ExecutorEnd_hook = end;
	next_log = emit_log_hook;
	emit_log_hook = log_entry;
}
