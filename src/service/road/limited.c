/*
 * limited.c
 *		Who has limits.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "service/road/limited.h"

bool
qlm_is_limited(Oid role, bool from_session)
{
	Oid			admin = get_role_oid("qlm_admin", true);

	return !from_session ||
		!(OidIsValid(admin) ? has_privs_of_role(role, admin) : superuser_arg(role));
}
