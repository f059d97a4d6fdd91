/*
 * acl.c
 *		What the current user may do with the tables of the extension, by
 *		privileges and policies.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rls.h"

#include "storage/core/acl.h"
#include "storage/core/catalog.h"

static bool
may(QlmRelation relation, AclMode mode)
{
	return pg_class_aclcheck(qlm_catalog_relid(relation), GetUserId(),
							 mode) == ACLCHECK_OK;
}

bool
qlm_acl_may_insert(QlmRelation relation)
{
	return may(relation, ACL_INSERT);
}

bool
qlm_acl_may_select(QlmRelation relation)
{
	return may(relation, ACL_SELECT);
}

bool
qlm_acl_has_policies(QlmRelation relation)
{
	return check_enable_rls(qlm_catalog_relid(relation), InvalidOid, true) == RLS_ENABLED;
}

static const QlmRelation nodes[] = {
	QLM_REL_OBJECT, QLM_REL_OBJECT_ID, QLM_REL_INFO_ITEM, QLM_REL_META_DATA
};

bool
qlm_acl_may_see_all_nodes(void)
{
	for (int i = 0; i < lengthof(nodes); i++)
		if (!qlm_acl_may_select(nodes[i]) || qlm_acl_has_policies(nodes[i]))
			return false;
	return true;
}

bool
qlm_acl_any_policies(void)
{
	for (int i = 0; i < lengthof(nodes); i++)
		if (qlm_acl_has_policies(nodes[i]))
			return true;
	return qlm_acl_has_policies(QLM_REL_VALUE);
}

bool
qlm_acl_hides_data(void)
{
	static const QlmRelation data[] = {QLM_REL_OBJECT, QLM_REL_INFO_ITEM, QLM_REL_VALUE};

	for (int i = 0; i < lengthof(data); i++)
		if (qlm_acl_has_policies(data[i]))
			return true;
	return false;
}
