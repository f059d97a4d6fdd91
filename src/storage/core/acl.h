/*
 * acl.h
 *		What privileges and policies leave of our tables to the current user.
 *
 * Caches, and work below the executor, must not bypass them.
 */
#ifndef QLM_ACL_H
#define QLM_ACL_H

#include "storage/core/catalog.h"

/* May the current user insert rows of, or read, all columns of a relation? */
extern bool qlm_acl_may_insert(QlmRelation relation);
extern bool qlm_acl_may_select(QlmRelation relation);

/* Do policies of a relation hold for the current user? */
extern bool qlm_acl_has_policies(QlmRelation relation);

/* May he see all Objects and InfoItems, with what describes them? */
extern bool qlm_acl_may_see_all_nodes(void);

/* Do policies hold for him on any of them, or on the values? */
extern bool qlm_acl_any_policies(void);

/* Do policies hold for him on Objects, InfoItems or values, whatever describes them? */
extern bool qlm_acl_hides_data(void);

#endif							/* QLM_ACL_H */
