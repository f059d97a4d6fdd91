/*
 * stand_in.h
 *		Work that is done in the place of a statement.
 */
#ifndef QLM_STORAGE_STAND_IN_H
#define QLM_STORAGE_STAND_IN_H

#include "storage/core/catalog.h"

/* Does an extension look at statements, as pg_stat_statements does?  At who may, as pgaudit does? */
extern bool qlm_statements_are_watched(void);
extern bool qlm_statements_are_audited(void);

/* Does what the statement would do; returns how many rows that were. */
typedef uint64 (*QlmStandIn) (void *arg);

/*
 * Have it done; where statements are watched, as if the statement were executed, with the rights that it
 * needs and these parameters (NULL: all null).  Without SPI connection.
 */
extern void qlm_plan_stand_in(QlmPlan *plan, const Datum *params,
							  QlmStandIn function, void *arg);

#endif							/* QLM_STORAGE_STAND_IN_H */
