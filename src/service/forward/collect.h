/*
 * collect.h
 *		Answers of other nodes that go to a callback, together, once all of them
 *		are there or their time is over.
 */
#ifndef QLM_COLLECT_H
#define QLM_COLLECT_H

/*
 * Queue the answers for callbacks that are complete, at most max; how many?
 * The caller has a transaction.
 */
extern int	qlm_collect_finish(int max);

#endif							/* QLM_COLLECT_H */
