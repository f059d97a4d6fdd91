/*
 * rights.c
 *		With which rights a statement is executed.
 *
 * Statements run code of others: triggers, policies, defaults, checks and
 * operators of the tables and of all tables that these write to.  So no
 * statement runs with more rights than those of the user it is for, and no
 * setting changed in one section reaches the next.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_database.h"
#include "commands/prepare.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/portal.h"
#include "utils/rls.h"

#include "base/compat.h"
#include "storage/core/acl.h"
#include "storage/core/catalog.h"
#include "storage/core/fmgr_guard.h"
#include "storage/core/rights.h"

/* The same as for functions and workers of the extension */
#define SEARCH_PATH "pg_catalog, pg_temp"

static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* Usually it is set already: functions have it in their definition. */
static void
fix_search_path(void)
{
	if (strcmp(namespace_search_path, SEARCH_PATH) != 0)
		set("search_path", SEARCH_PATH);
}

/*
 * A session's settings for reading must not matter to those whose data it
 * changes.
 */
static void
fix_for_reader(void)
{
	if (!row_security)
		set("row_security", "on");
	if (DateStyle != USE_ISO_DATES)
		set("DateStyle", "ISO");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		set("IntervalStyle", "postgres");
	if (extra_float_digits < 1)
		set("extra_float_digits", "1");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		set("bytea_output", "hex");
}

static void
set_where_other(const char *name, const char *value)
{
	const char *now = GetConfigOption(name, true, false);

	if (now != NULL && value != NULL && strcmp(now, value) != 0)
		set(name, value);
}

/*
 * Time zone and language are those of the database, all other settings are
 * fixed.
 */
void
qlm_rights_fix_spelling(void)
{
	static const char *const as_configured[] = {
		"TimeZone", "DateStyle", "lc_numeric", "lc_monetary", "lc_time"
	};
	static const char *const fixed[][2] = {
		{"IntervalStyle", "postgres"}, {"bytea_output", "hex"},
		{"standard_conforming_strings", "on"}, {"quote_all_identifiers", "off"},
		{"array_nulls", "on"}, {"transform_null_equals", "off"},
		{"xmloption", "content"}, {"xmlbinary", "base64"}
	};

	for (int i = 0; i < lengthof(as_configured); i++)
		set_where_other(as_configured[i], GetConfigOptionResetString(as_configured[i]));
	for (int i = 0; i < lengthof(fixed); i++)
		set_where_other(fixed[i][0], fixed[i][1]);
	if (DateStyle != USE_ISO_DATES)
		set("DateStyle", "ISO");
	if (extra_float_digits < 1)
		set("extra_float_digits", "1");
}

void
qlm_rights_fix_storage(void)
{
	static const char *const names[] = {
		"default_tablespace", "default_table_access_method",
		"default_toast_compression"
	};

	for (int i = 0; i < lengthof(names); i++)
		set_where_other(names[i], GetConfigOptionResetString(names[i]));
}

static void
become(Oid role, int restriction, QlmRights *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->context);
	saved->is_other = true;
	saved->settings = NewGUCNestLevel();
	fix_search_path();
	SetUserIdAndSecContext(role, saved->context | restriction |
						   SECURITY_LOCAL_USERID_CHANGE);
}

void
qlm_rights_become_owner(QlmRights *saved)
{
	Oid			owner = qlm_catalog_owner();

	qlm_fmgr_guard_set_owner(owner);
	become(owner, SECURITY_RESTRICTED_OPERATION, saved);
}

void
qlm_rights_become_reader(Oid role, QlmRights *saved)
{
	become(role, SECURITY_RESTRICTED_OPERATION, saved);
	fix_for_reader();
}

/*
 * Custom settings, which only policies use, like app.tenant: resets those of
 * the session and of its user.
 */
static void
forget_own_settings(void)
{
	int			n;
	struct config_generic **options = qlm_guc_variables(&n);

	for (int i = 0; i < n; i++)
	{
		const struct config_string *option = (const struct config_string *) options[i];

		if ((options[i]->flags & GUC_CUSTOM_PLACEHOLDER) == 0 ||
			options[i]->source <= PGC_S_DATABASE)
			continue;
		set(options[i]->name, options[i]->reset_source <= PGC_S_DATABASE && option->reset_val ?
			option->reset_val : "");
	}
}

void
qlm_rights_become_subscriber(Oid role, QlmRights *saved)
{
	qlm_rights_become_reader(role, saved);
	if (qlm_acl_any_policies())
		forget_own_settings();
}

void
qlm_rights_restore(const QlmRights *saved)
{
	if (!saved->is_other)
		return;
	SetUserIdAndSecContext(saved->user, saved->context);
	AtEOXact_GUC(false, saved->settings);
}

/*
 * Events cannot be fired within a query as they are at a commit.  So once a
 * session runs messages of others, all its constraints are checked
 * immediately.  Events that were pending are its own, and are fired with its
 * rights.
 */
static void
make_immediate(void)
{
	MemoryContext context = CurrentMemoryContext;

	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not fire deferred triggers");
	MemoryContextSwitchTo(context);
}

/*
 * The role whose message was executed last; an error ends a section without
 * notice.
 */
static Oid	caller = InvalidOid;

bool
qlm_rights_are_of_caller(void)
{
	return OidIsValid(caller) && GetUserId() == caller && !InSecurityRestrictedOperation();
}

/*
 * A session that acts for itself is not changed.  One that acts for somebody
 * else goes on and commits as itself, so nothing may be left in it.
 */
void
qlm_rights_become_caller(Oid role, bool in_query, QlmRights *saved)
{
	if (role == GetUserId())
		memset(saved, 0, sizeof(QlmRights));
	else if (in_query)
	{
		make_immediate();
		become(role, SECURITY_RESTRICTED_OPERATION, saved);
	}
	else
	{
		/* Prepared statements survive the rollback of an earlier section. */
		DropAllPreparedStatements();
		become(role, 0, saved);
		caller = role;
	}
}

/*
 * No event was pending when the section began, as each section fires its own.
 * So none is removed from the list that the rollback of a subtransaction would
 * restore.  The next message may be of another caller, whose functions must
 * not find temporary tables.
 */
void
qlm_rights_end_caller(const QlmRights *saved, bool in_query)
{
	if (!saved->is_other)
		return;
	if (!in_query)
	{
		AfterTriggerFireDeferred();
		qlm_rights_clean_session();
	}
	qlm_rights_restore(saved);
}

void
qlm_rights_clean_session(void)
{
	Oid			schema;
	Oid			toast_schema;

	PortalHashTableDeleteAll();
	DropAllPreparedStatements();
	GetTempNamespaceState(&schema, &toast_schema);
	if (OidIsValid(schema))
		ResetTempTableNamespace();
}

Oid
qlm_session_role(void)
{
	return get_role_oid(QLM_SESSION_ROLE, true);
}

bool
qlm_session_role_may_connect(Oid database_id)
{
	return qlm_database_aclcheck(database_id, qlm_session_role(),
								 ACL_CONNECT) == ACLCHECK_OK;
}
