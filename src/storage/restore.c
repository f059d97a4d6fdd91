/*
 * restore.c
 *		Is this session restoring a dump?
 *
 * Every script of pg_dump and every connection of pg_restore begins by turning
 * check_function_bodies off and, so that nothing is left out silently, row_security;
 * with --enable-row-security it leaves the latter on, but search_path is empty in any
 * case.  Nothing else sets both: a session that defines functions before what
 * they use may well turn off the first, but not the second.  The functions
 * that ask may have a search_path of their own, hence not that alone.
 *
 * Anybody may set them, so they count only for who may do with the tables
 * what he likes anyway: both the current user and who is behind him, since
 * functions of others' rights run with settings of their callers.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/rls.h"

#include "storage/catalog.h"
#include "storage/restore.h"

static bool
owns_tables(Oid role)
{
	return has_privs_of_role(role, qlm_catalog_owner());
}

bool
qlm_restoring(void)
{
	if (check_function_bodies || (row_security && namespace_search_path[0] != '\0'))
		return false;
	return MyBackendType == B_BACKEND && owns_tables(GetOuterUserId()) &&
		(GetUserId() == GetOuterUserId() || owns_tables(GetUserId()));
}
