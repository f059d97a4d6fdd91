/*
 * queue.h
 *		How many complete requests may wait in line: as many as can be run
 *		within a part of qlm.request_timeout, at the pace of the latest turns.
 */
#ifndef QLM_QUEUE_H
#define QLM_QUEUE_H

#include "postgres.h"

typedef struct QlmQueue
{
	int			n;				/* in line */
	double		pace;			/* us that a request takes, on average */
} QlmQueue;

/* Must the next one be refused? */
/* So many of those that wait are of one client, who wants one more. */
extern bool qlm_queue_is_full(const QlmQueue *queue, int his);

/* So many requests were run in so many us; hung: some took too long. */
extern void qlm_queue_note(QlmQueue *queue, int n, int64 elapsed, bool hung);

/* Seconds after which trying again makes sense */
extern int	qlm_queue_retry_after(const QlmQueue *queue);

#endif							/* QLM_QUEUE_H */
