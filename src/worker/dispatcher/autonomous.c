/*
 * autonomous.c
 *		Adds rows to the outbox, and commits them, on behalf of transactions
 *		that are still open: in the dispatcher, or in a worker started for one
 *		row if no dispatcher runs.
 *
 * The envelope is not executed here.  The row is the one that qlm_request
 * would have inserted in the sender's transaction.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "process/loop.h"
#include "storage/core/plan.h"
#include "storage/outbox/outbox_autonomous.h"
#include "worker/common/transaction.h"
#include "worker/dispatcher/autonomous.h"

/* A sender may hold a lock on the table; others must not wait for it long. */
#define LOCK_LIMIT		"2s"
#define WORK_LIMIT_MS	30000

static void
insert(void *arg)
{
	List	   *rows = arg;
	ListCell   *lc;

	(void) set_config_option("lock_timeout", LOCK_LIMIT, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	qlm_storage_begin();
	foreach(lc, rows)
		qlm_autonomous_insert(lfirst(lc));
	qlm_storage_end();
}

static void
run(List *rows)
{
	char	   *message = NULL;
	ListCell   *lc;

	if (qlm_transaction_run(insert, rows, WORK_LIMIT_MS, &message) != QLM_VERDICT_DONE &&
		list_length(rows) > 1)
	{
		/* One of them fails: run each alone. */
		foreach(lc, rows)
			run(list_make1(lfirst(lc)));
		return;
	}
	foreach(lc, rows)
		qlm_autonomous_finish(lfirst(lc), message);
}

void
qlm_autonomous_run(List *rows)
{
	if (rows != NIL)
		run(rows);
}

void
qlm_autonomous_main(Datum handle)
{
	Oid			place[2];		/* database and role */
	QlmAutonomous *autonomous;

	memcpy(place, MyBgworkerEntry->bgw_extra, sizeof(place));
	qlm_loop_signals();
	BackgroundWorkerInitializeConnectionByOid(place[0], place[1], 0);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("jit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", "qlm autonomous", PGC_USERSET, PGC_S_OVERRIDE);
	MemoryContextSwitchTo(TopMemoryContext);
	autonomous = qlm_autonomous_open(DatumGetUInt32(handle));
	if (autonomous)
		run(list_make1(autonomous));
	proc_exit(0);
}
