/*
 * executor_hooks.h
 *		Work that is done below the executor, shown to those who hook into it.
 */
#ifndef QLM_EXECUTOR_HOOKS_H
#define QLM_EXECUTOR_HOOKS_H

#include "storage/core/plan.h"

/* Does an extension look at statements, as pg_stat_statements does? */
extern bool qlm_executor_hooks_exist(void);

/* Does one look at who may execute them, as pgaudit does? */
extern bool qlm_executor_hooks_audit(void);

/* Does what a statement would do; returns how many rows that were. */
typedef uint64 (*QlmHookedWork) (void *arg);

/*
 * Have it done, without an SPI connection.  Where hooks exist they see plan executed with
 * these parameters (NULL: all are null), and it needs the rights of that statement.
 */
extern void qlm_executor_hooks_run(QlmPlan *plan, const Datum *params,
								   QlmHookedWork work, void *arg);

#endif							/* QLM_EXECUTOR_HOOKS_H */
