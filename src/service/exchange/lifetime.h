/*
 * lifetime.h
 *		How long something lives: ttl, from and to.
 */
#ifndef QLM_LIFETIME_H
#define QLM_LIFETIME_H

#include "datatype/timestamp.h"

/* Seconds from a time, saturated; not above 0: forever */
extern TimestampTz qlm_ttl_end(TimestampTz from, double ttl);

/* What remains of it, in whole seconds; -1: it has no end */
extern double qlm_ttl_left(TimestampTz end);

/* Until when what nobody takes is kept, if it ends then at the latest */
extern TimestampTz qlm_kept_until(TimestampTz from, TimestampTz end);

#endif							/* QLM_LIFETIME_H */
