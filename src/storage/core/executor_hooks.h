/*
 * executor_hooks.h
 *		Work that is done in the place of a statement.
 */
#ifndef QLM_EXECUTOR_HOOKS_H
#define QLM_EXECUTOR_HOOKS_H

#include "storage/core/plan.h"

/* Does an extension look at statements, as pg_stat_statements does?  At who may, as pgaudit does? */
extern bool qlm_executor_hooks_exist(void);
extern bool qlm_executor_hooks_audit(void);

/* Does what the statement would do; returns how many rows that were. */
typedef uint64 (*QlmHookedWork) (void *arg);

/*
 * Have it done; where statements are watched, as if the statement were executed, with the rights that it
 * needs and these parameters (NULL: all null).  Without SPI connection.
 */
extern void qlm_executor_hooks_run(QlmPlan *plan, const Datum *params,
								   QlmHookedWork function, void *arg);

#endif							/* QLM_EXECUTOR_HOOKS_H */
