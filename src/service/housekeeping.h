/*
 * housekeeping.h
 *		Deletes expired and surplus rows.
 */
#ifndef QLM_HOUSEKEEPING_H
#define QLM_HOUSEKEEPING_H

/* How often a worker of each database should do it */
#define QLM_HOUSEKEEPING_MS		(30 * 1000)

/*
 * One small step: ends what has outlived its ttl and makes partitions ahead.
 * Needs a transaction; true if there is more to do at once.
 */
extern bool qlm_housekeeping_step(void);

/* Has a step found that statistics should be taken, which is more than a step?  Once. */
extern bool qlm_housekeeping_wants_statistics(void);

#endif							/* QLM_HOUSEKEEPING_H */
