/*
 * role.c
 *		Which role does a row mean?
 *
 * The number of a role survives renaming, an upgrade of the server (which
 * keeps OIDs) and a copy of the whole cluster.  In another cluster it is
 * useless.  So it contains a mark of the cluster: rows from a dump, from
 * replication or written with triggers disabled are recognized as foreign.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "storage/role/role.h"

#define OID_BITS	32

char	   *qlm_anonymous_role = NULL;

static uint64 generation = 0;

static void
role_changed(Datum arg, int cache_id, uint32 hash)
{
	generation++;
}

uint64
qlm_role_generation(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
		registered = true;
	}
	return generation;
}

/* 31 bits that are not all 0, as numbers must be positive */
int64
qlm_role_first_number(void)
{
	uint64		mixed = GetSystemIdentifier() * UINT64CONST(0x9E3779B97F4A7C15);

	return (int64) Max(mixed >> (OID_BITS + 1), 1) << OID_BITS;
}

int64
qlm_role_number(Oid role)
{
	return OidIsValid(role) ? qlm_role_first_number() + (int64) role : 0;
}

Oid
qlm_role_of(int64 number, const char *name)
{
	int64		first = qlm_role_first_number();
	Oid			role;

	if (name == NULL)
		return InvalidOid;
	if (number >> OID_BITS != first >> OID_BITS)
		return get_role_oid(name, true);
	role = (Oid) (number - first);
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)) ? role : InvalidOid;
}

char *
qlm_role_name(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the role of the caller was dropped")));
	return name;
}
