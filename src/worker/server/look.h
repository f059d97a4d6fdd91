/*
 * look.h
 *		Whether what requests wait for is in the tables.
 */
#ifndef QLM_LOOK_H
#define QLM_LOOK_H

#include "service/exchange/job.h"

typedef struct QlmLook
{
	int			n;
	const QlmHeldAnswer **kept;		/* those to look for */
	bool	   *due;			/* for each */
	bool		available;		/* the extension is there */
} QlmLook;

/* Fill in a QlmLook, with one query for each kind; runs in a transaction. */
extern void qlm_look(void *look);

#endif							/* QLM_LOOK_H */
