/*
 * restore.c
 *		Is this session restoring a dump?
 *
 * Every script of pg_dump and every connection of pg_restore begins by turning
 * check_function_bodies off and by setting row_security: off, so that nothing
 * is left out silently, or on with --enable-row-security.  Nothing else sets both: a session
 * that defines functions before what they use may well turn off the first, but has no
 * reason to touch the second.  The functions that ask may have a search_path of
 * their own, hence not the one of a dump.
 *
 * Anybody may set them, so they count only for who may do with the tables
 * what he likes anyway: both the current user and who is behind him, since
 * functions of others' rights run with settings of their callers.
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
