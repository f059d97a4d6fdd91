/*
 * doubt.h
 *		Rows that their receiver repeatedly answers with an error, or not at
 *		all: is the row at fault, or the receiver?
 *
 * A receiver that stumbles over a row for ever must not keep the others from
 * being delivered; one that is broken for a while must lose none.  So such a
 * row is tried some times.  Then the next one is posted behind it: if that is
 * taken the row was at fault, and is refused; if not all are tried again.  A
 * request that had no answer is not refused but lets others pass; data keep their
 * order, and are tried as long as they live.
 */
#ifndef QLM_DOUBT_H
#define QLM_DOUBT_H

#include "nodes/pg_list.h"

#include "service/exchange/delivery_result.h"
#include "storage/outbox/outbox.h"

/* Of one posting */
typedef struct QlmDoubts
{
	List	   *aside;			/* QlmOutboxRow *, in order, before those to post */
	List	   *posted;			/* those of them that have left */
	const char *why;			/* what was said of them last */
	bool		is_over;		/* once what is recorded of them is committed */
} QlmDoubts;

/*
 * The first of rows was answered so, or not.  Set it aside where it has been often
 * enough, with those behind it of which the same is known.  Returns the rest,
 * the one to be posted first; NIL: it is not time, or there is none.
 */
extern List *qlm_doubt_set_aside(QlmDoubts *doubts, List *rows, const char *why,
								 bool is_unanswered);

/* What is said of those that are refused */
extern const char *qlm_doubt_given_up(const QlmDoubts *doubts);

/* What became of the row is known. */
extern void qlm_doubt_over(const QlmOutboxRow *row);

#endif							/* QLM_DOUBT_H */
