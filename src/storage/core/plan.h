/*
 * plan.h
 *		Statements that are prepared once per process, and their execution.
 *
 * Statements of this layer are executed between qlm_storage_begin and
 * qlm_storage_end.  What they return is allocated in the memory context that is current
 * when a function is called, which is current again afterwards.  What the database
 * refuses is raised.
 */
#ifndef QLM_PLAN_H
#define QLM_PLAN_H

#include "postgres.h"
#include "executor/spi.h"

/* Connect to SPI and disconnect, without changing the memory context. */
extern void qlm_storage_begin(void);
extern void qlm_storage_end(void);

#define QLM_PLAN_MAX_ARGS 18

/*
 * Options of a plan.  Generic: the same plan whatever the parameters, for long arrays.
 * The other two are bits beside the server's own, which come along wherever a statement is
 * planned, for planner/planner_hook.c.  Own: it is never compiled; set by whatever
 * prepares it.  Indexed: it goes by indexes.
 */
#define QLM_PLAN_GENERIC	CURSOR_OPT_GENERIC_PLAN
#define QLM_PLAN_OWN		(1 << 28)
#define QLM_PLAN_INDEXED	(1 << 29)

/* A statement that is prepared once per process: a static variable */
typedef struct QlmPlan
{
	const char *sql;
	int			nargs;
	Oid			args[QLM_PLAN_MAX_ARGS];
	int			options;		/* QLM_PLAN_* */
	bool		as_active;		/* see what the active snapshot sees, which may
								 * be newer than the transaction's */
	SPIPlanPtr	plan;			/* filled in at first use */
} QlmPlan;

/* Given each row in turn; must copy what it keeps. */
typedef void (*QlmRowFunction) (void *arg, const Datum *values,
								const bool *nulls);

/* Whatever executes a plan does this before. */
extern void qlm_plan_prepare(QlmPlan *plan);

/*
 * Execute.  nulls: a character for each parameter, 'n' where it is null; NULL: none is.
 * limit: how many rows at most, 0: all.  It sees what this transaction has done and others
 * have committed.  The result is in SPI_tuptable and SPI_processed; free the table when
 * done.
 */
extern void qlm_plan_execute(QlmPlan *plan, Datum *values, const char *nulls,
							 long limit);

/* The same by indexes alone, planned once, whatever the session has set */
extern void qlm_plan_execute_indexed(QlmPlan *plan, Datum *values,
									 const char *nulls, long limit);

/* That as the owner of the tables; returns how many rows. */
extern uint64 qlm_plan_execute_as_owner(QlmPlan *plan, Datum *values,
										const char *nulls);

/*
 * Execute, with parameters none of which is null.  Each row goes to a function as it comes,
 * which runs in the caller's memory context; NULL: rows are dropped.
 */
extern void qlm_plan_stream(QlmPlan *plan, const Datum *values,
							QlmRowFunction function, void *arg);
extern void qlm_plan_stream_indexed(QlmPlan *plan, const Datum *values,
									QlmRowFunction function, void *arg);

/*
 * Execute a statement without parameters that is planned for this once.  options:
 * QLM_PLAN_*.  snapshot: what it sees; InvalidSnapshot: as the others.
 */
extern void qlm_plan_execute_once(const char *sql, int options,
								  Snapshot snapshot);

/* Column (from 1) of a row (from 0) of SPI_tuptable; text is copied, NULL for null. */
extern char *qlm_spi_text(uint64 row, int column);
extern Datum qlm_spi_datum(uint64 row, int column, bool *isnull);

#endif							/* QLM_PLAN_H */
