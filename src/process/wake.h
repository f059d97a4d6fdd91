/*
 * wake.h
 *		Wakes those who wait for what a transaction did, once it has
 *		committed.
 */
#ifndef QLM_WAKE_H
#define QLM_WAKE_H

/* Register the commit callback of this backend; once, in _PG_init. */
extern void qlm_wake_register(void);

#endif							/* QLM_WAKE_H */
