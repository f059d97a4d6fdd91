/*
 * replication.h
 *		Notices the rows that logical replication applies.
 */
#ifndef QLM_REPLICATION_H
#define QLM_REPLICATION_H

#include "datatype/timestamp.h"

typedef void (*QlmBeforeCommit) (void);

/* What rows that are applied have said, until the transaction commits */
typedef struct QlmAppliedRow
{
	int			info_item_id;
	SubTransactionId subid;		/* that applied it */
	TimestampTz ts;
} QlmAppliedRow;

typedef struct QlmAppliedRows
{
	QlmBeforeCommit look;		/* at them, within the transaction, right before
								 * its commit; its errors end the transaction */
	QlmAppliedRow *rows;
	int			n;
	int			capacity;
	bool		is_registered;
} QlmAppliedRows;

/* Add one; it goes if its subtransaction is undone.  The list must be static. */
extern void qlm_replication_collect(QlmAppliedRows *applied, int info_item_id, TimestampTz ts);

/* Run a function in the role "origin", so that what it writes fires the node's triggers. */
extern void qlm_replication_run_own(QlmBeforeCommit function);

/* Are rows of another node being applied, other than by the initial copy of a table? */
extern bool qlm_replication_is_applying(void);

#endif							/* QLM_REPLICATION_H */
