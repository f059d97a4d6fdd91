/*
 * retention.h
 *		Deletes or thins out old values by the rules for their paths.
 */
#ifndef QLM_RETENTION_H
#define QLM_RETENTION_H

/* Setting: minutes that values are kept where no rule says it; 0: for ever */
extern int	qlm_retention;

/*
 * One small step of going through all InfoItems; true: there is more to do at
 * once.  Once all have been gone through it rests for some minutes.
 */
extern bool qlm_retention_step(int max);

#endif							/* QLM_RETENTION_H */
