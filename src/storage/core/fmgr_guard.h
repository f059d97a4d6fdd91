/*
 * fmgr_guard.h
 *		Functions of others in statements of the owner of our tables.
 */
#ifndef QLM_FMGR_GUARD_H
#define QLM_FMGR_GUARD_H

#include "postgres.h"

/* Once per process */
extern void qlm_fmgr_guard_register(void);

/* This role is the owner; the one that has his name is, before that is said. */
extern void qlm_fmgr_guard_set_owner(Oid owner);

/*
 * In a worker: has any function been called that no superuser owns, or that was
 * noted, since this was asked?
 */
extern void qlm_fmgr_guard_note(void);
extern bool qlm_fmgr_guard_was_called(void);

#endif							/* QLM_FMGR_GUARD_H */
