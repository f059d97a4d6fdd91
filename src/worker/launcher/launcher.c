/*
 * launcher.c
 *		The launcher: starts, watches and ends the workers of all databases.
 *
 * It is connected to no database, so it is never in the way of a DROP
 * DATABASE. Only the launcher restarts workers, after a check whether their
 * database can be served.  The state of the workers is in shared memory: after
 * its own restart the launcher continues with the workers that run.
 */
#include "postgres.h"

#include <signal.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "base/server_settings.h"
#include "process/databases.h"
#include "process/loop.h"
#include "process/shmem.h"
#include "storage/core/rights.h"
#include "worker/common/readiness.h"
#include "worker/common/worker.h"
#include "worker/launcher/launcher.h"

#define RESTART_SECONDS	5		/* of the launcher itself */
#define LOOK_MS			5000	/* for a database that cannot be served yet */
#define START_MS		15000	/* after which a start has failed */
#define STEADY_MS		60000	/* a worker that lived longer starts at once */
#define BACKOFF_MIN_MS	1000
#define BACKOFF_MAX_MS	60000

/* A database named in qlm.databases, after a look into the catalog */
typedef struct Target
{
	const char *name;
	int			port;			/* its own port; 0: qlm.port */
	bool		serve;
} Target;

/* What the launcher remembers about a slot */
typedef struct Watch
{
	int			pid;			/* as last seen; 0: none */
	int			port;
	bool		told_to_end;
	TimestampTz started_at;
	TimestampTz not_before;
	int			backoff_ms;
} Watch;

/* The complaint about a database that was logged last */
typedef struct Complaint
{
	char		database[NAMEDATALEN];
	const char *why;			/* a constant */
} Complaint;

static Watch watches[QLM_MAX_WORKERS];
static List *complaints = NIL;

static Complaint *
find_complaint(const char *name)
{
	ListCell   *cell;

	foreach(cell, complaints)
	{
		Complaint  *complaint = lfirst(cell);

		if (strcmp(complaint->database, name) == 0)
			return complaint;
	}
	return NULL;
}

static bool
is_active(const QlmWorkerSlot *slot)
{
	return slot->state == QLM_WORKER_STARTING || slot->state == QLM_WORKER_RUNNING ||
		slot->state == QLM_WORKER_HOLDING ||
		slot->state == QLM_WORKER_STOPPING;
}

static Complaint *
note_complaint(const char *name)
{
	Complaint  *complaint = find_complaint(name);
	MemoryContext old;

	if (complaint == NULL)
	{
		old = MemoryContextSwitchTo(TopMemoryContext);
		complaint = palloc0(sizeof(Complaint));
		strlcpy(complaint->database, name, NAMEDATALEN);
		complaints = lappend(complaints, complaint);
		MemoryContextSwitchTo(old);
	}
	return complaint;
}

/* Logs why a database is not served, once. */
static void
complain(const char *name, const char *why)
{
	Complaint  *complaint = note_complaint(name);

	if (complaint->why == why)
		return;
	complaint->why = why;
	ereport(LOG, (errmsg("qlm waits: database \"%s\" %s", name, why)));
}

/*
 * Returns what of a database does not run for lack of background worker
 * processes.
 */
static const char *
what_is_missing(const char *name)
{
	bool		dispatches = false;
	bool		listens = false;

	for (int i = 0; i < QLM_MAX_WORKERS; i++)
	{
		const QlmWorkerSlot *slot = &qlm_shared->slots[i];

		if (!is_active(slot) || strcmp(NameStr(slot->database), name) != 0)
			continue;
		dispatches |= slot->number == QLM_DISPATCHER;
		listens |= slot->number != QLM_DISPATCHER;
	}
	return qlm_worker_missing(dispatches, listens);
}

/* Logs once that processes are lacking, with a hint. */
static void
complain_of_workers(const char *name)
{
	Complaint  *complaint = note_complaint(name);
	const char *missing = what_is_missing(name);

	if (complaint->why == missing)
		return;
	complaint->why = missing;
	ereport(LOG,
			(errmsg("qlm finds no free background worker for database \"%s\": %s", name, missing),
			 errdetail("All %d of max_worker_processes are taken. It is tried again.", max_worker_processes),
			 errhint("Raise max_worker_processes and restart the server: qlm takes one, and for each database one and qlm.http_workers."
					 " qlm.stat_worker shows which of them run.")));
}

/* The database is served again: the next complaint is logged anew. */
static void
forget_complaint(const char *name)
{
	Complaint  *complaint = find_complaint(name);

	if (complaint)
		complaint->why = NULL;
}

/* Returns why a database cannot be served, or NULL. */
static const char *
obstacle(const char *name)
{
	Relation	relation = table_open(DatabaseRelationId, AccessShareLock);
	const char *why = "does not exist";
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(name));
	scan = systable_beginscan(relation, DatabaseNameIndexId,
							  criticalSharedRelcachesBuilt, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		why = NULL;
		if (form->datistemplate)
			why = "is a template";
		else if (!form->datallowconn || form->datconnlimit < -1)
			why = "does not accept connections";
		else if (qlm_shmem_is_stopped(form->oid))
			why = "was stopped by qlm_stop()";
		else if (OidIsValid(qlm_session_role()) && !qlm_session_role_may_connect(form->oid))
			why = "does not let role qlm_session connect: GRANT CONNECT";
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return why;
}

static int
effective_port(const Target *target)
{
	return target->port ? target->port : qlm_port;
}

/* Two databases on one port would get each other's requests. */
static bool
is_port_free(Target **targets, int n, const Target *target)
{
	int			i;

	for (i = 0; i < n; i++)
		if (targets[i]->serve && effective_port(targets[i]) == effective_port(target))
			return false;
	return true;
}

/*
 * Fills in the databases to serve now and returns how many.  Sets *all if none
 * had to be left out.
 */
static int
find_targets(Target **targets, int max, bool *all)
{
	List	   *databases = qlm_databases_list();
	ListCell   *cell;
	int			n = 0;

	*all = true;
	foreach(cell, databases)
	{
		QlmDatabase *database = lfirst(cell);
		Target	   *target = palloc(sizeof(Target));
		const char *why = obstacle(database->name);

		if (n >= max)
			break;
		target->name = database->name;
		target->port = database->port;
		target->serve = false;
		if (why == NULL && !is_port_free(targets, n, target))
			why = "would share its port with another one of qlm.databases";
		if (why)
			complain(target->name, why);
		target->serve = why == NULL;
		*all &= target->serve;
		targets[n++] = target;
	}
	return n;
}

static bool
is_slot_of(const QlmWorkerSlot *slot, const Target *target, int number)
{
	return slot->number == number && slot->state != QLM_WORKER_FREE &&
		strcmp(NameStr(slot->database), target->name) == 0;
}

/* Should the worker of this slot run? */
static bool
is_wanted(int i, Target **targets, int n)
{
	QlmWorkerSlot *slot = &qlm_shared->slots[i];
	int			t;

	for (t = 0; t < n; t++)
		if (targets[t]->serve && is_slot_of(slot, targets[t], slot->number))
			return slot->number <= qlm_http_workers &&
				(slot->has_role || !OidIsValid(qlm_session_role())) &&
				(watches[i].started_at == 0 || watches[i].port == targets[t]->port);
	return false;
}

/* The worker has ended: sets when it may start again. */
static void
note_end(int i)
{
	Watch	   *watch = &watches[i];
	TimestampTz now = GetCurrentTimestamp();

	watch->pid = 0;
	if (watch->told_to_end || qlm_shared->slots[i].start_again)
	{
		watch->told_to_end = false;
		watch->backoff_ms = 0;
		watch->not_before = 0;
		return;
	}
	if (watch->backoff_ms == 0 ||
		TimestampDifferenceExceeds(watch->started_at, now, STEADY_MS))
		watch->backoff_ms = BACKOFF_MIN_MS;
	else
		watch->backoff_ms = Min(watch->backoff_ms * 2, BACKOFF_MAX_MS);
	watch->not_before =
		TimestampTzPlusMilliseconds(now, watch->backoff_ms / 2 +
									(int) (pg_prng_double(&pg_global_prng_state) * watch->backoff_ms));
}

/* A worker that is still starting will find its slot gone, and end. */
static void
end_worker(QlmWorkerSlot *slot, Watch *watch)
{
	watch->told_to_end = true;
	slot->state = slot->pid ? QLM_WORKER_STOPPING : QLM_WORKER_STOPPED;
	if (slot->pid)
		kill(slot->pid, SIGTERM);
}

static bool
is_named(const QlmWorkerSlot *slot, Target **targets, int n)
{
	for (int t = 0; t < n; t++)
		if (strcmp(NameStr(slot->database), targets[t]->name) == 0)
			return true;
	return false;
}

/*
 * Looks at each slot: ends workers that should not run, and frees slots that
 * are no longer needed.
 */
static void
watch_slots(Target **targets, int n)
{
	int			i;

	for (i = 0; i < QLM_MAX_WORKERS; i++)
	{
		QlmWorkerSlot *slot = &qlm_shared->slots[i];
		Watch	   *watch = &watches[i];
		bool		ended;

		LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
		if (slot->state == QLM_WORKER_STARTING && slot->pid == 0 &&
			TimestampDifferenceExceeds(watch->started_at, GetCurrentTimestamp(), START_MS))
		{
			slot->state = QLM_WORKER_STOPPED;
			strlcpy(slot->last_error, "could not be started", QLM_MAX_ERROR);
		}
		ended = slot->state == QLM_WORKER_STOPPED && watch->pid != 0;
		if (slot->state == QLM_WORKER_STOPPED &&
			(!is_named(slot, targets, n) || slot->number > qlm_http_workers))
			slot->state = QLM_WORKER_FREE;
		if (is_active(slot))
			watch->pid = slot->pid ? slot->pid : -1;
		if (is_active(slot) && slot->state != QLM_WORKER_STOPPING &&
			!is_wanted(i, targets, n))
			end_worker(slot, watch);
		LWLockRelease(qlm_shared->lock);
		if (ended)
			note_end(i);
	}
}

/*
 * Returns the slot for a worker, preferably the one it had before; -1 if none
 * is free.
 */
static int
choose_slot(const Target *target, int number)
{
	int			chosen = -1;
	int			i;

	for (i = 0; i < QLM_MAX_WORKERS; i++)
	{
		QlmWorkerSlot *slot = &qlm_shared->slots[i];

		if (is_slot_of(slot, target, number))
			return i;
		if (chosen < 0 && slot->state == QLM_WORKER_FREE)
			chosen = i;
	}
	for (i = 0; i < QLM_MAX_WORKERS && chosen < 0; i++)
		if (qlm_shared->slots[i].state == QLM_WORKER_STOPPED)
			chosen = i;
	return chosen;
}

static void
prepare_slot(int i, const Target *target, int number)
{
	QlmWorkerSlot *slot = &qlm_shared->slots[i];
	Watch	   *watch = &watches[i];

	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	if (!is_slot_of(slot, target, number))
	{
		memset(watch, 0, sizeof(Watch));
		slot->last_error[0] = '\0';
	}
	slot->state = QLM_WORKER_STARTING;
	slot->has_role = OidIsValid(qlm_session_role());
	slot->start_again = false;
	slot->number = number;
	slot->database_id = InvalidOid;
	namestrcpy(&slot->database, target->name);
	LWLockRelease(qlm_shared->lock);
	watch->pid = -1;
	watch->port = target->port;
	watch->started_at = GetCurrentTimestamp();
}

/* Starts a worker unless it runs or has to wait. */
static void
start_worker(QlmLoop *loop, const Target *target, int number)
{
	int			i = choose_slot(target, number);
	QlmWorkerOrder order = {{{0}}};

	if (i < 0)
	{
		complain(target->name, "finds no free slot in shared memory");
		return;
	}
	if (is_active(&qlm_shared->slots[i]))
		return;
	if (is_slot_of(&qlm_shared->slots[i], target, number) &&
		watches[i].not_before > GetCurrentTimestamp())
	{
		qlm_loop_at(loop, watches[i].not_before);
		return;
	}

	prepare_slot(i, target, number);
	namestrcpy(&order.database, target->name);
	order.port = target->port;
	order.number = number;
	order.slot = i;
	order.has_role = qlm_shared->slots[i].has_role;
	if (!qlm_worker_register(&order, MyProcPid, NULL))
	{
		LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
		qlm_shared->slots[i].state = QLM_WORKER_STOPPED;
		snprintf(qlm_shared->slots[i].last_error, QLM_MAX_ERROR,
				 "no free background worker: raise max_worker_processes, which is %d, and restart the server",
				 max_worker_processes);
		LWLockRelease(qlm_shared->lock);
		complain_of_workers(target->name);
		note_end(i);
		qlm_loop_at(loop, watches[i].not_before);
	}
	else
	{
		forget_complaint(target->name);
		qlm_loop_after(loop, START_MS + 1000);
	}
}

static void
manage(QlmLoop *loop)
{
	Target	   *targets[QLM_MAX_WORKERS];
	bool		all;
	int			n;
	int			t;
	int			number;

	StartTransactionCommand();
	n = find_targets(targets, lengthof(targets), &all);
	watch_slots(targets, n);
	for (t = 0; t < n; t++)
		for (number = QLM_DISPATCHER;
			 targets[t]->serve && number <= qlm_http_workers; number++)
			start_worker(loop, targets[t], number);
	CommitTransactionCommand();
	qlm_loop_after(loop, all ? STEADY_MS : LOOK_MS);
}

static void
forget_launcher(int code, Datum arg)
{
	qlm_shmem_set_launcher(NULL);
}

void
qlm_launcher_main(Datum arg)
{
	QlmLoop    *loop;
	int			events = 0;

	MemoryContextSwitchTo(TopMemoryContext);
	qlm_loop_signals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	loop = qlm_loop_create(-1);
	before_shmem_exit(forget_launcher, (Datum) 0);
	qlm_shmem_set_launcher(MyLatch);

	for (;;)
	{
		if (events & QLM_LOOP_STOP)
			proc_exit(1);
		manage(loop);
		events = qlm_loop_wait(loop);
	}
}

void
qlm_launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_SECONDS;
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "qlm");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "qlm_launcher_main");
	snprintf(worker.bgw_name, BGW_MAXLEN, "qlm launcher");
	snprintf(worker.bgw_type, BGW_MAXLEN, "qlm launcher");
	RegisterBackgroundWorker(&worker);
}
