/*
 * restore.c
 *		Is this session restoring a dump?
 *
 * Every script of pg_dump and every connection of pg_restore first sets
 * check_function_bodies to off.  It also sets row_security: to off, so that
 * nothing is left out silently, or to on with --enable-row-security.  Nothing
 * else sets both: a session that creates functions before the objects that
 * they use may set the first, but has no reason to set the second.  The
 * search_path is not checked, as the calling functions may have their own.
 *
 * Anybody may set them, so they count only for users with full rights on the
 * tables: both the current user and the session user, since SECURITY DEFINER
 * functions run with the settings of their callers.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/rls.h"

#include "base/compat.h"
#include "storage/core/catalog.h"
#include "storage/replica/restore.h"

static bool
owns_tables(Oid role)
{
	return has_privs_of_role(role, qlm_catalog_owner());
}

static bool
row_security_was_set(void)
{
	static struct config_generic *option = NULL;

	if (option == NULL)
	{
		int			n;
		struct config_generic **options = qlm_guc_variables(&n);

		for (int i = 0; i < n; i++)
			if (strcmp(options[i]->name, "row_security") == 0)
				option = options[i];
	}
	return option != NULL && option->source == PGC_S_SESSION;
}

bool
qlm_restore_has_settings(void)
{
	return !check_function_bodies && (!row_security || row_security_was_set());
}

bool
qlm_restore_is_active(void)
{
	if (!qlm_restore_has_settings())
		return false;
	return MyBackendType == B_BACKEND && owns_tables(GetOuterUserId()) &&
		(GetUserId() == GetOuterUserId() || owns_tables(GetUserId()));
}
