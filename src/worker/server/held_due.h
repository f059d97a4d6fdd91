/*
 * held_due.h
 *		Whether the events that held requests wait for are in the tables.
 */
#ifndef QLM_HELD_DUE_H
#define QLM_HELD_DUE_H

#include "service/exchange/job.h"

typedef struct QlmHeldDue
{
	int			n;
	const QlmHeldAnswer **answers;	/* those to look for */
	bool	   *due;			/* for each */
	bool		available;		/* the extension is there */
} QlmHeldDue;

/* Fill in a QlmHeldDue, with one query for each kind; runs in a transaction. */
extern void qlm_held_due(void *look);

#endif							/* QLM_HELD_DUE_H */
