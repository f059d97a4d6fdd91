/*
 * admission.h
 *		How many complete requests may wait in line: as many as can be run
 *		within a part of qlm.request_timeout, at the pace of the latest turns.
 */
#ifndef QLM_ADMISSION_H
#define QLM_ADMISSION_H

#include "postgres.h"

typedef struct QlmAdmission
{
	int			n;				/* in line */
	double		pace;			/* us that a request takes, on average */
} QlmAdmission;

/* Must the next one be refused? */
/* So many of those that wait are of one client, who wants one more. */
extern bool qlm_admission_is_full(const QlmAdmission *queue, int his);

/* So many requests were run in so many us; hung: some took too long. */
extern void qlm_admission_note(QlmAdmission *queue, int n, int64 elapsed, bool hung);

/* Seconds after which trying again makes sense */
extern int	qlm_admission_retry_after(const QlmAdmission *queue);

#endif							/* QLM_ADMISSION_H */
