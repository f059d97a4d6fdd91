/*
 * compat.h
 *		Differences between server versions 15 to 18, so that no other file
 *		asks for PG_VERSION_NUM.
 */
#ifndef QLM_COMPAT_H
#define QLM_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "qlm needs PostgreSQL 15 or later"
#endif

/* VARDATA and its kin left postgres.h in 16 */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* A wait event set belongs to a resource owner since 17; NULL is the process */
#if PG_VERSION_NUM >= 170000
#define qlm_wait_event_set_create(nevents) CreateWaitEventSet(NULL, nevents)
#else
#define qlm_wait_event_set_create(nevents) \
	CreateWaitEventSet(TopMemoryContext, nevents)
#endif

/* Wait events of extensions have names since 17 */
#if PG_VERSION_NUM >= 170000
#define qlm_wait_event_id(name) WaitEventExtensionNew(name)
#else
#define qlm_wait_event_id(name) PG_WAIT_EXTENSION
#endif

/* Whether this process holds a lock, in just this mode */
#if PG_VERSION_NUM >= 170000
#define qlm_lock_held(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define qlm_lock_held(tag, mode) LockHeldByMe(tag, mode)
#endif

/* Has it the role's rights, or may take them?  A member needs a leave for it since 16 */
#if PG_VERSION_NUM >= 160000
#define qlm_may_become(member, role) \
	(has_privs_of_role(member, role) || member_can_set_role(member, role))
#else
#define qlm_may_become(member, role) is_member_of_role(member, role)
#endif

/* Functions that do not return: "QLM_NORETURN extern void f(void);" */
#if PG_VERSION_NUM >= 180000
#define QLM_NORETURN pg_noreturn
#else
#define QLM_NORETURN pg_attribute_noreturn()
#endif

/* The loadable module says its name and version since 18 */
#if PG_VERSION_NUM >= 180000
#define QLM_MODULE_MAGIC(module, release) \
	PG_MODULE_MAGIC_EXT(.name = module, .version = release)
#else
#define QLM_MODULE_MAGIC(module, release) PG_MODULE_MAGIC
#endif

/* Index entries of a new tuple: since 16 also only for summarizing indexes */
#if PG_VERSION_NUM >= 160000
#define qlm_exec_insert_index_tuples(info, slot, estate) \
	ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL, false)
#else
#define qlm_exec_insert_index_tuples(info, slot, estate) \
	ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL)
#endif

/* All of a query: it says no more since 18 whether that is done once */
#if PG_VERSION_NUM >= 180000
#define qlm_executor_run(query) ExecutorRun(query, ForwardScanDirection, 0)
#else
#define qlm_executor_run(query) ExecutorRun(query, ForwardScanDirection, 0, true)
#endif

/* What a hook that checks permissions is called with: since 16 they stand beside the relations */
#if PG_VERSION_NUM >= 160000
#define QLM_PERMISSIONS_PARAMETERS List *relations, List *permissions, bool fails
#define QLM_PERMISSIONS_ARGUMENTS relations, permissions, fails
#else
#define QLM_PERMISSIONS_PARAMETERS List *relations, bool fails
#define QLM_PERMISSIONS_ARGUMENTS relations, fails
#endif

/* An order says itself whether it is a descending one since 18 */
#if PG_VERSION_NUM >= 180000
#define qlm_sort_descending(sort, descending) ((sort)->reverse_sort = (descending))
#else
#define qlm_sort_descending(sort, descending) ((void) (sort))
#endif

/* A constraint may be there without being enforced since 18 */
#if PG_VERSION_NUM >= 180000
#define qlm_constraint_enforced(constraint) ((constraint)->is_enforced = true)
#else
#define qlm_constraint_enforced(constraint) ((void) (constraint))
#endif

/*
 * What a query may read is noted beside its range table since 16, also that of
 * a relation which nobody is asked about.
 */
#if PG_VERSION_NUM >= 160000
#define qlm_query_add_permissions(query, rte) \
	((void) addRTEPermissionInfo(&(query)->rteperminfos, rte))
#define qlm_query_clear_permissions(query) ((query)->rteperminfos = NIL)
#else
#define qlm_query_add_permissions(query, rte) ((void) (query), (void) (rte))
#define qlm_query_clear_permissions(query) ((void) (query))
#endif

/* All settings as the server keeps them, guc_tables.h */
#if PG_VERSION_NUM >= 160000
#define qlm_guc_variables(n) get_guc_variables(n)
#else
#define qlm_guc_variables(n) (*(n) = GetNumConfigOptions(), get_guc_variables())
#endif

/* Rights on objects of all kinds are checked by one function since 16 */
#if PG_VERSION_NUM >= 160000
#define qlm_database_aclcheck(database, role, mode) \
	object_aclcheck(DatabaseRelationId, database, role, mode)
#define qlm_relation_ownercheck(relation, role) \
	object_ownercheck(RelationRelationId, relation, role)
#else
#define qlm_database_aclcheck(database, role, mode) \
	pg_database_aclcheck(database, role, mode)
#define qlm_relation_ownercheck(relation, role) \
	pg_class_ownercheck(relation, role)
#endif

#endif							/* QLM_COMPAT_H */
