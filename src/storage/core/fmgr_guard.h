/*
 * fmgr_guard.h
 *		Functions of others in statements of the owner of our tables.
 */
#ifndef QLM_FMGR_GUARD_H
#define QLM_FMGR_GUARD_H

#include "postgres.h"

/* Install the hook, once per process. */
extern void qlm_fmgr_guard_register(void);

/* The role that owns the tables.  Until this is called it is the role named qlm_owner. */
extern void qlm_fmgr_guard_set_owner(Oid owner);

/*
 * In a worker: has a function been called that no superuser owns, or has one been noted,
 * since this was asked last?
 */
extern bool qlm_fmgr_guard_was_called(void);
extern void qlm_fmgr_guard_note(void);

#endif							/* QLM_FMGR_GUARD_H */
