/*
 * subscription_newest.h
 *		Which of the values just inserted are the newest of their InfoItem, or
 *		came without a time?
 *		Used by subscription_match.c only.
 */
#ifndef QLM_SUBSCRIPTION_NEWEST_H
#define QLM_SUBSCRIPTION_NEWEST_H

#include "storage/select/select_value.h"

typedef struct QlmNewValue
{
	QlmEvent	event;
	bool		ask_first;		/* in: first must be known */
	bool		first;			/* out: the InfoItem had no value before */
	void	   *data;			/* the caller's */
} QlmNewValue;

/*
 * Keep those that are newer than every value of their InfoItem that is not
 * among them, and those that came without a time, in order of time; returns how
 * many.
 */
extern int	qlm_new_values_reduce(QlmNewValue *values, int n);

#endif							/* QLM_SUBSCRIPTION_NEWEST_H */
