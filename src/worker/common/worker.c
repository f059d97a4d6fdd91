/*
 * worker.c
 *		A background worker of a database: how it is started and connects.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/guc.h"

#include "storage/core/rights.h"
#include "worker/common/audit.h"
#include "worker/common/readiness.h"
#include "worker/common/worker.h"
#include "worker/common/worker_lock.h"

bool
qlm_worker_register(const QlmWorkerOrder *order, int notify_pid,
					BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};

	StaticAssertStmt(sizeof(QlmWorkerOrder) <= BGW_EXTRALEN,
					 "an order must fit bgw_extra");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = notify_pid;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "qlm");
	if (order->number == QLM_DISPATCHER)
	{
		snprintf(worker.bgw_function_name, BGW_MAXLEN, "qlm_dispatcher_main");
		snprintf(worker.bgw_type, BGW_MAXLEN, "qlm dispatcher");
		snprintf(worker.bgw_name, BGW_MAXLEN, "qlm dispatcher of %s",
				 NameStr(order->database));
	}
	else
	{
		snprintf(worker.bgw_function_name, BGW_MAXLEN, "qlm_server_main");
		snprintf(worker.bgw_type, BGW_MAXLEN, "qlm server");
		snprintf(worker.bgw_name, BGW_MAXLEN, "qlm server %d of %s",
				 order->number, NameStr(order->database));
	}
	memcpy(worker.bgw_extra, order, sizeof(QlmWorkerOrder));
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

void
qlm_worker_connect(const QlmWorkerOrder *order, const char *application_name)
{
	bool		is_superuser;
	bool		claimed;

	BackgroundWorkerInitializeConnection(NameStr(order->database),
										 order->has_role ? QLM_SESSION_ROLE : NULL, 0);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("jit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("application_name", application_name, PGC_USERSET, PGC_S_OVERRIDE);
	qlm_audit_register();
	pgstat_report_activity(STATE_IDLE, NULL);

	StartTransactionCommand();
	is_superuser = superuser();
	qlm_readiness_note_session(is_superuser);
	if (is_superuser && order->has_role)
		ereport(FATAL,
				(errcode(ERRCODE_INVALID_ROLE_SPECIFICATION),
				 errmsg("role \"%s\" must not be a superuser", QLM_SESSION_ROLE),
				 errhint("ALTER ROLE %s NOSUPERUSER;", QLM_SESSION_ROLE)));
	claimed = order->number == QLM_MESSAGE_RUNNER || qlm_worker_lock_claim(order->number);
	CommitTransactionCommand();
	if (claimed)
		return;
	if (order->number == QLM_DISPATCHER)
		ereport(LOG,
				(errmsg("another process is already qlm dispatcher of database \"%s\"",
						NameStr(order->database))));
	else
		ereport(LOG,
				(errmsg("another process is already qlm server %d of database \"%s\"",
						order->number, NameStr(order->database))));
	proc_exit(1);
}
