/*
 * start_stop.c
 *		qlm_start() and qlm_stop(): the workers of the current database.
 *
 * With shared memory they tell the launcher.  Without it they start and end
 * the workers themselves, and find them by their locks.
 */
#include "postgres.h"

#include <signal.h>

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/server_settings.h"
#include "process/databases.h"
#include "process/shmem.h"
#include "storage/core/rights.h"
#include "worker/common/readiness.h"
#include "worker/common/worker.h"
#include "worker/common/worker_lock.h"

#define WAIT_MS		10000
#define LOOK_MS		20
#define MAX_FOUND	QLM_MAX_WORKERS

/* Returns how many server workers of this database run, or listen. */
static int
count_servers(bool listening)
{
	QlmWorkerProcess processes[MAX_FOUND];
	int			n = qlm_worker_find(MyDatabaseId, processes, MAX_FOUND);
	int			count = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (processes[i].number != QLM_DISPATCHER)
			count += processes[i].listening || !listening;
	return count;
}

static bool
any_worker(void)
{
	QlmWorkerProcess processes[MAX_FOUND];

	return qlm_worker_find(MyDatabaseId, processes, MAX_FOUND) > 0;
}

static void
sleep_a_little(void)
{
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = qlm_wait_event_id("QlmWorkerChange");
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 LOOK_MS, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Returns the entry of this database in qlm.databases, or NULL. */
static QlmDatabase *
find_entry(const char *name)
{
	List	   *databases = qlm_databases_list();
	ListCell   *cell;

	foreach(cell, databases)
	{
		QlmDatabase *database = lfirst(cell);

		if (strcmp(database->name, name) == 0)
			return database;
	}
	return NULL;
}

/* Returns the last error of a worker of this database, or "". */
static char *
last_complaint(void)
{
	char		error[QLM_MAX_ERROR] = "";
	char	   *name = get_database_name(MyDatabaseId);
	int			i;

	if (qlm_shared == NULL)
		return "";
	LWLockAcquire(qlm_shared->lock, LW_SHARED);
	for (i = 0; i < QLM_MAX_WORKERS; i++)
		if (qlm_shared->slots[i].last_error[0] != '\0' &&
			strcmp(NameStr(qlm_shared->slots[i].database), name) == 0)
			strlcpy(error, qlm_shared->slots[i].last_error, sizeof(error));
	LWLockRelease(qlm_shared->lock);
	return pstrdup(error);
}

static void
warn_of_missing(int running, int wanted)
{
	char	   *complaint = last_complaint();

	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%d of %d qlm workers of this database listen now",
					running, wanted),
			 complaint[0] ? errdetail("%s", complaint) : 0,
			 errhint("The server's log says more.")));
}

/* Does any of the workers that were started here still run or start? */
static bool
any_alive(BackgroundWorkerHandle **handles, int n)
{
	int			i;
	pid_t		pid;

	for (i = 0; i < n; i++)
		if (GetBackgroundWorkerPid(handles[i], &pid) != BGWH_STOPPED)
			return true;
	return false;
}

/* Starts the workers that do not run.  Returns how many, and their handles. */
static int
start_here(const char *name, BackgroundWorkerHandle **handles)
{
	QlmWorkerProcess processes[MAX_FOUND];
	int			nrunning = qlm_worker_find(MyDatabaseId, processes, MAX_FOUND);
	QlmDatabase *entry = find_entry(name);
	QlmWorkerOrder order = {{{0}}};
	int			n = 0;
	int			i;

	namestrcpy(&order.database, name);
	order.port = entry ? entry->port : 0;
	order.slot = -1;
	order.has_role = OidIsValid(qlm_session_role());
	for (order.number = QLM_DISPATCHER; order.number <= qlm_http_workers;
		 order.number++)
	{
		for (i = 0; i < nrunning && processes[i].number != order.number; i++)
			;
		if (i < nrunning)
			continue;
		if (!qlm_worker_register(&order, MyProcPid, &handles[n]))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("there is no free background worker: %s",
							qlm_worker_missing(n + nrunning > 0, order.number > 1)),
					 errhint("Raise max_worker_processes and restart the server.")));
		n++;
	}
	return n;
}

PG_FUNCTION_INFO_V1(qlm_sql_start);

/*
 * qlm_start() returns int: the number of workers of this database that listen
 */
Datum
qlm_sql_start(PG_FUNCTION_ARGS)
{
	BackgroundWorkerHandle *handles[QLM_MAX_HTTP_WORKERS + 1];
	char	   *name = get_database_name(MyDatabaseId);
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WAIT_MS);
	int			n = 0;
	int			running;

	if (qlm_shared == NULL)
		n = start_here(name, handles);
	else if (find_entry(name) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("database \"%s\" is not in qlm.databases", name),
				 errhint("Add it there, with a port of its own, and reload the configuration.")));
	else
	{
		(void) qlm_shmem_set_stopped(MyDatabaseId, false);
		qlm_shmem_poke_launcher();
	}

	while ((running = count_servers(true)) < qlm_http_workers &&
		   GetCurrentTimestamp() < end &&
		   (qlm_shared || any_alive(handles, n)))
		sleep_a_little();
	if (running < qlm_http_workers)
		warn_of_missing(running, qlm_http_workers);
	PG_RETURN_INT32(running);
}

/*
 * Notes in qlm.databases that this database is stopped, replacing the entry of
 * a dropped one.
 */
static void
note_stopped(void)
{
	Oid			database_ids[QLM_MAX_WORKERS];
	int			n = qlm_shmem_stopped(database_ids);

	for (int i = 0; i < n; i++)
		if (get_database_name(database_ids[i]) == NULL)
			(void) qlm_shmem_set_stopped(database_ids[i], false);
	if (!qlm_shmem_set_stopped(MyDatabaseId, true) &&
		!qlm_shmem_is_stopped(MyDatabaseId))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d databases are stopped already, and no more can be",
						QLM_MAX_WORKERS),
				 errhint("Take this one out of qlm.databases and reload the configuration.")));
}

static void
end_workers(void)
{
	QlmWorkerProcess processes[MAX_FOUND];
	int			n = qlm_worker_find(MyDatabaseId, processes, MAX_FOUND);
	int			i;

	for (i = 0; i < n; i++)
		kill(processes[i].pid, SIGTERM);
}

PG_FUNCTION_INFO_V1(qlm_sql_stop);

/*
 * qlm_stop() returns int: the number of workers of this database that have
 * ended
 */
Datum
qlm_sql_stop(PG_FUNCTION_ARGS)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WAIT_MS);
	int			before = count_servers(false);
	int			left;

	if (qlm_shared)
	{
		note_stopped();
		qlm_shmem_poke_launcher();
	}
	else
		end_workers();
	while (any_worker() && GetCurrentTimestamp() < end)
		sleep_a_little();
	left = count_servers(false);
	if (left > 0)
		ereport(WARNING,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%d qlm workers of this database have not ended yet", left)));
	PG_RETURN_INT32(before - left);
}
