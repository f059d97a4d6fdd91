/*
 * replication.h
 *		What a subscriber of logical replication must notice.
 */
#ifndef QLM_REPLICATION_H
#define QLM_REPLICATION_H

/*
 * Have a function called before each commit of this process, within the transaction: an
 * error in it aborts that.
 */
typedef void (*QlmBeforeCommit) (void);

extern void qlm_replication_before_commit(QlmBeforeCommit function);

/* Run a function in the role "origin", so that what it writes fires the node's triggers. */
extern void qlm_replication_run_own(QlmBeforeCommit function);

/* Are rows of another node being applied, other than by the initial copy of a table? */
extern bool qlm_replication_is_applying(void);

#endif							/* QLM_REPLICATION_H */
