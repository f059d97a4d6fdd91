/*
 * replication.h
 *		What a subscriber of logical replication must notice.
 */
#ifndef QLM_REPLICATION_H
#define QLM_REPLICATION_H

/*
 * Have it called before each commit from now on, within the transaction; its
 * errors end the transaction.  Once per process.
 */
typedef void (*QlmBeforeCommit) (void);

extern void qlm_replication_before_commit(QlmBeforeCommit function);

/* Where rows are being applied, do something that is this node's own. */
extern void qlm_replication_run_own(QlmBeforeCommit function);

/* Is what runs the work of a replica, and no first copy of a table? */
extern bool qlm_replication_is_applying(void);

#endif							/* QLM_REPLICATION_H */
