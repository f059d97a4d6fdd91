/*
 * role_command.c
 *		DROP ROLE and ALTER ROLE ... RENAME: updates rows in the same
 *		transaction, and warns of what ends with a dropped role.
 *
 * The role is dropped in any case: a subscription that it has made must not
 * stop a security officer.  So these rows are not shared dependencies.  The
 * hook is on the whole statement, not on each access to pg_authid: a statement
 * that PostgreSQL refuses must not end anything, and a new name is visible
 * only afterwards.
 *
 * It changes rows of this database only.  Dispatchers of others are woken by
 * the commit.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"

#include "process/wake_key.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/core/subtransaction.h"
#include "storage/role/role.h"
#include "storage/role/role_command.h"
#include "storage/role/role_follow.h"

static ProcessUtility_hook_type next_utility = NULL;

/* Roles that are looked up by name; the last one is in a setting */
static const char *const known_names[] = {
	"qlm_reader", "qlm_writer", "qlm_admin", "qlm_owner", "qlm_session"
};

/* Returns the names of the roles that a statement drops or renames, or NIL. */
static List *
changed_roles(const Node *statement)
{
	List	   *names = NIL;

	if (statement && IsA(statement, RenameStmt) &&
		((const RenameStmt *) statement)->renameType == OBJECT_ROLE)
		names = list_make1(((const RenameStmt *) statement)->subname);
	else if (statement && IsA(statement, DropRoleStmt))
	{
		ListCell   *lc;

		foreach(lc, ((const DropRoleStmt *) statement)->roles)
			if (((const RoleSpec *) lfirst(lc))->roletype == ROLESPEC_CSTRING)
				names = lappend(names, ((const RoleSpec *) lfirst(lc))->rolename);
	}
	return names;
}

static bool
any_exists(const List *names)
{
	ListCell   *lc;

	foreach(lc, names)
		if (OidIsValid(get_role_oid(lfirst(lc), true)))
			return true;
	return false;
}

static void
bind(void)
{
	qlm_storage_begin();
	qlm_role_follow_bind();
	qlm_storage_end();
}

/* Errors in this must not fail the statement, unless the session is to end. */
static void
run_guarded(void (*work) (void))
{

	QLM_SUBTRANSACTION_TRY();
	{
		if (qlm_catalog_available())
			work();
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION &&
			!qlm_error_is_said(error))
			ReThrowError(error);
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("could not update the peers and subscriptions of the role now: %s", error->message),
				 errhint("Its dispatcher tries again, or SELECT qlm.follow_roles().")));
	}
	QLM_SUBTRANSACTION_END();
}

static bool
is_known_name(const char *name)
{
	for (int i = 0; i < lengthof(known_names); i++)
		if (strcmp(name, known_names[i]) == 0)
			return true;
	return false;
}

static void
warn_of_names(const List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		const char *name = lfirst(lc);

		if (qlm_anonymous_role && strcmp(name, qlm_anonymous_role) == 0)
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("role \"%s\" is used by qlm.anonymous_role", name),
					 errdetail("The setting has a name: callers that are not a known peer are refused until a role of that name exists."),
					 errhint("Change the setting.")));
		else if (qlm_catalog_available() && is_known_name(name))
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("qlm needs its role \"%s\" under that name", name),
					 errhint("Rename it back.")));
	}
}

static void
utility(PlannedStmt *planned, const char *query, bool read_only_tree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *environment, DestReceiver *destination,
		QueryCompletion *completion)
{
	List	   *names = changed_roles(planned->utilityStmt);
	bool		is_concerned = names != NIL && any_exists(names);

	if (is_concerned)
		run_guarded(bind);
	(next_utility ? next_utility : standard_ProcessUtility)
		(planned, query, read_only_tree, context, params, environment, destination,
		 completion);
	if (!is_concerned)
		return;
	qlm_wake_pending |= QLM_WAKE_OUTBOX | QLM_WAKE_ROLE;
	run_guarded(qlm_role_follow_all);
	warn_of_names(names);
}

void
qlm_role_command_register(void)
{
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
