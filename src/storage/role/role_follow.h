/*
 * role_follow.h
 *		Rows follow their roles: their names are those that the roles have now, and
 *		what belongs to roles that are gone ends.
 */
#ifndef QLM_ROLE_FOLLOW_H
#define QLM_ROLE_FOLLOW_H

#include "datatype/timestamp.h"

/*
 * Have all rows follow, at once, and warn of what has ended.  Outside of SPI.  Rows that
 * somebody holds are left out: the dispatcher comes back for them.
 */
extern void qlm_role_follow_all(void);

/*
 * For the dispatcher: have some of the rows follow, if roles may have changed, and seldom
 * otherwise, and log what has ended.  changes: another number than before where somebody
 * has said that roles have changed.  Returns when it wants to be asked again.  It raises
 * nothing but what is to end the process.
 */
extern TimestampTz qlm_role_follow_changed(uint64 changes);

/* Rows that are new to this cluster get the numbers of the roles that they name. */
extern void qlm_role_follow_bind(void);

#endif							/* QLM_ROLE_FOLLOW_H */
