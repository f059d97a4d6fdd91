/*
 * catalog.h
 *		The extension's own relations and prepared plans.
 *
 * Everything in this layer expects to be called between qlm_storage_begin and
 * qlm_storage_end, and allocates what it returns in the memory context that is
 * current when it is called.
 */
#ifndef QLM_CATALOG_H
#define QLM_CATALOG_H

#include "postgres.h"
#include "executor/spi.h"

#include "storage/core/rights.h"

typedef enum QlmRelation
{
	QLM_REL_OBJECT,
	QLM_REL_OBJECT_ID,
	QLM_REL_OBJECT_SEQ,
	QLM_REL_INFO_ITEM,
	QLM_REL_NAMES,				/* the numbers of InfoItems; stands for ids and
								 * names that are aliases */
	QLM_REL_META_DATA,
	QLM_REL_VALUE,
	QLM_REL_VALUE_DEFAULT,
	QLM_REL_PEER,
	QLM_REL_OUTBOX,
	QLM_REL_SUBSCRIPTION,
	QLM_REL_RETENTION,
	QLM_REL_HISTORY,
	QLM_REL_CUSTOMIZATION,		/* 0.1.0 has none, nor what follows */
	QLM_REL_PLACE,
	QLM_NRELATIONS
} QlmRelation;

/* Connect to SPI and disconnect, without changing the memory context. */
extern void qlm_storage_begin(void);
extern void qlm_storage_end(void);

/*
 * Is the extension there, in the version of this library?  Needs a transaction,
 * but no SPI.
 */
extern bool qlm_catalog_available(void);

/* Where it was not available: is it there, in another version? */
extern bool qlm_catalog_outdated(void);

/*
 * Where it was not available: is it there, but not its tables under their names?
 * Why it is not available, whichever it is, and what to do.
 */
extern bool qlm_catalog_damaged(const char **why, const char **hint);

/*
 * Where it is available: is its restore not complete?  What was set up on its tables
 * may be missing, and rights depend on that, so nothing is served.
 */
extern bool qlm_catalog_incomplete(void);

/*
 * Look whether it is; for whoever serves, and not for each session that plans a statement: who has
 * locked the table, as a tool that rewrites it, would keep all of them waiting, his own too.
 * While it is locked, it is as it was.
 */
extern void qlm_catalog_look_at_restore(void);

/*
 * OIDs; an error where the extension is missing and, for the owner, where it has
 * another version.
 */
extern Oid	qlm_catalog_relid(QlmRelation relation);
extern Oid	qlm_catalog_owner(void);

/*
 * Caches of this process hold what they know of a relation's rows together
 * with its generation, and forget it when the generation has changed.
 * Invalidate changes it in every process once this transaction commits, and
 * here at the next command; writers take a lock before they look, and so see
 * it in time.
 */
extern uint64 qlm_catalog_generation(QlmRelation relation);
extern void qlm_catalog_invalidate(Oid relid);

/*
 * The same for who changes rows one by one: here at once, others are told by one
 * message for all that a (sub)transaction changes.
 */
extern void qlm_catalog_invalidate_once(QlmRelation relation);

/* May the current user at all? */
extern bool qlm_acl_may_insert(QlmRelation relation);
extern bool qlm_acl_may_select(QlmRelation relation);

/* May the current user see all Objects and InfoItems with what describes them? */
extern bool qlm_acl_may_see_all_nodes(void);

/* Do policies hide rows of any of them, or of the values? */
extern bool qlm_acl_has_policies(void);

/* Do policies hide rows of the data from the current user? */
extern bool qlm_acl_hides_data(void);

/* A statement that is prepared once per process: a static variable. */
#define QLM_PLAN_MAX_ARGS 18
#define QLM_PLAN_GENERIC CURSOR_OPT_GENERIC_PLAN

typedef struct QlmPlan
{
	const char *sql;
	int			nargs;
	Oid			args[QLM_PLAN_MAX_ARGS];
	int			options;		/* QLM_PLAN_GENERIC: the same plan whatever the
								 * parameters, for long arrays */
	bool		as_active;		/* see what the active snapshot sees, which may
								 * be newer than the transaction's */
	SPIPlanPtr	plan;			/* filled in at first use */
} QlmPlan;

/* Is done by whatever executes it */
extern void qlm_plan_prepare(QlmPlan *plan);

/*
 * Execute; nulls as in SPI_execute_plan (NULL: no nulls).  Not read only: sees
 * what this transaction has done and others have committed.  The result is in
 * SPI_tuptable and SPI_processed; free the table when done.
 */
extern void qlm_plan_execute(QlmPlan *plan, Datum *values, const char *nulls,
							 long limit);

/*
 * Execute a statement that is planned for this once; snapshot: what it sees,
 * InvalidSnapshot: as above.
 */
extern void qlm_plan_execute_once(const char *sql, int options,
								  Snapshot snapshot);

/*
 * The same as qlm_plan_execute, but each row goes to a function as it comes, which runs in the
 * caller's memory context and must copy what it keeps.
 */
typedef void (*QlmRowFunction) (void *arg, const Datum *values,
								const bool *nulls);

extern void qlm_plan_stream(QlmPlan *plan, const Datum *values,
							QlmRowFunction function, void *arg);

/* Column of a row of SPI_tuptable; NULL where null.  Text is copied. */
extern char *qlm_spi_text(uint64 row, int column);
extern Datum qlm_spi_datum(uint64 row, int column, bool *isnull);

#endif							/* QLM_CATALOG_H */
