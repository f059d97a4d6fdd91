/*
 * analyze.c
 *		A process that takes statistics of all values, and ends.
 *
 * That may take seconds, in which a server worker would answer nobody.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/loop.h"
#include "storage/core/catalog.h"
#include "storage/value/statistics.h"
#include "worker/common/analyze.h"
#include "worker/common/transaction.h"
#include "worker/common/worker.h"

#define LIMIT_MS	(10 * 60 * 1000)

static BackgroundWorkerHandle *running = NULL;

static bool
still_runs(void)
{
	pid_t		pid;

	if (running == NULL)
		return false;
	if (GetBackgroundWorkerPid(running, &pid) != BGWH_STOPPED)
		return true;
	pfree(running);
	running = NULL;
	return false;
}

void
qlm_analyze_start(const QlmWorkerOrder *order)
{
	BackgroundWorker worker = {0};
	QlmWorkerOrder own = *order;
	MemoryContext caller;

	if (still_runs())
		return;
	own.number = QLM_ANALYST;
	own.slot = -1;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "qlm");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "qlm_analyze_main");
	snprintf(worker.bgw_type, BGW_MAXLEN, "qlm analyze");
	snprintf(worker.bgw_name, BGW_MAXLEN, "qlm analyze of %s", NameStr(own.database));
	memcpy(worker.bgw_extra, &own, sizeof(QlmWorkerOrder));
	caller = MemoryContextSwitchTo(TopMemoryContext);
	if (!RegisterDynamicBackgroundWorker(&worker, &running))
		ereport(DEBUG1,
				(errmsg("qlm finds no free background worker to analyse qlm.value"),
				 errhint("Raise max_worker_processes.")));
	MemoryContextSwitchTo(caller);
}

static void
take(void *arg)
{
	if (qlm_catalog_available())
		qlm_statistics_take();
}

void
qlm_analyze_main(Datum arg)
{
	QlmWorkerOrder order;
	TimestampTz began = GetCurrentTimestamp();
	char	   *message;

	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(QlmWorkerOrder));
	qlm_loop_signals();
	qlm_worker_connect(&order, "qlm analyze");
	if (qlm_transaction_run(take, NULL, LIMIT_MS, &message) == QLM_VERDICT_DONE)
		ereport(DEBUG1,
				(errmsg("qlm has analysed qlm.value in %.1f s",
						(GetCurrentTimestamp() - began) / 1e6)));
	else
		ereport(LOG, (errmsg("qlm could not analyse qlm.value: %s", message)));
	proc_exit(0);
}
