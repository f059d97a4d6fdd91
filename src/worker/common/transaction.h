/*
 * transaction.h
 *		The transactions of a worker: bounded in time, their errors caught.
 */
#ifndef QLM_TRANSACTION_H
#define QLM_TRANSACTION_H

#include "postgres.h"

typedef enum QlmVerdict
{
	QLM_VERDICT_DONE,
	QLM_VERDICT_AGAIN,			/* would another time perhaps work? */
	QLM_VERDICT_LATE,			/* it took too long */
	QLM_VERDICT_FAILED
} QlmVerdict;

/*
 * Run work(arg) in a transaction of its own, in the memory context that is
 * current.  Where it ends otherwise than done, all is rolled back and message
 * says why, in that context.
 */
extern QlmVerdict qlm_transaction_run(void (*work) (void *arg), void *arg,
									  int timeout_ms, char **message);

/* Why the last one that failed did so, in the protocol's codes */
extern int	qlm_transaction_code(void);

#endif							/* QLM_TRANSACTION_H */
