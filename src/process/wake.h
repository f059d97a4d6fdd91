/*
 * wake.h
 *		Wakes processes that wait for changes of a transaction after its
 *		commit.
 */
#ifndef QLM_WAKE_H
#define QLM_WAKE_H

/* Register the commit callback of this backend; once, in _PG_init. */
extern void qlm_wake_register(void);

/*
 * From now on set this process's latch when a transaction has done one of
 * these QLM_WAKE_*; false: there is no shared memory to do it with.
 */
extern bool qlm_wake_listen(int what);

/*
 * The same for a while, where there is shared memory.  The second one is for
 * PG_ENSURE_ERROR_CLEANUP, too.
 */
extern void qlm_wake_expect(int what);
extern void qlm_wake_ignore(int code, Datum arg);

/*
 * Commits so far, in all databases, that had something to leave: a latch set
 * while a transaction waits for something else may go unnoticed.
 */
extern uint64 qlm_wake_count(void);

/* Those, in all databases, that have renamed or dropped a role */
extern uint64 qlm_wake_role_count(void);

/* Commits so far, in all databases, that have ended subscriptions */
extern uint64 qlm_wake_ended(void);

#endif							/* QLM_WAKE_H */
