/*
 * slot.c
 *		Orders, slots and locks of workers.
 *
 * The locks are advisory ones of a kind (4th field) that SQL cannot take, so
 * users' own advisory locks never meet them.  They end with their process,
 * however it ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "storage/core/catalog.h"
#include "storage/core/rights.h"
#include "worker/common/audit.h"
#include "worker/launcher/slot.h"

#define LOCK_KIND		3		/* SQL uses 1 and 2 */
#define LOCK_NUMBER		0x514c4d01	/* (database, number): runs */
#define LOCK_LISTENER	0x514c4d02	/* (database, port): listens, shared */
#define LOCK_PORT		0x514c4d03	/* (port): is about to listen */

static QlmWorkerSlot *my_slot = NULL;

/* Is the session one of a superuser?  Has the extension come since? */
static bool is_superuser = false;
static bool must_start_again = false;

/* In qlm.stat_worker, for as long as it lasts */
static void
show_why_not(bool holds, bool shown)
{
	if (holds != shown)
		qlm_slot_error(my_slot, holds ? qlm_worker_why_not() : "");
}

/* In the log, as nobody may call for long after the library was replaced */
static void
tell_of_version(void)
{
	static bool told = false;
	bool		outdated = qlm_catalog_outdated();

	if (outdated && !told)
		ereport(LOG,
				(errmsg("qlm cannot serve database \"%s\": its extension qlm does not have version %s, which the server's library is of",
						get_database_name(MyDatabaseId), QLM_VERSION),
				 errhint("ALTER EXTENSION qlm UPDATE; in that database.")));
	show_why_not(outdated, told);
	told = outdated;
}

/* Somebody has given its schema another name, or a table: those who call need not know. */
static bool damaged = false;

static void
tell_of_damage(void)
{
	const char *why;
	const char *hint;
	bool		told = damaged;

	damaged = qlm_catalog_damaged(&why, &hint);
	if (damaged && !told)
		ereport(LOG,
				(errmsg("qlm cannot serve database \"%s\": %s",
						get_database_name(MyDatabaseId), why),
				 errhint("%s", hint)));
	show_why_not(damaged, told);
}

/* Texts of other encodings, and the bytes of SQL_ASCII, are not what messages have. */
static bool
has_encoding(void)
{
	return GetDatabaseEncoding() == PG_UTF8;
}

static void
tell_of_encoding(void)
{
	static bool told = false;

	if (!told)
		ereport(LOG,
				(errmsg("qlm cannot serve database \"%s\": its encoding is %s, and qlm needs UTF8",
						get_database_name(MyDatabaseId), GetDatabaseEncodingName()),
				 errhint("Dump it, and restore it into CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.")));
	show_why_not(true, told);
	told = true;
}

/* Policies may be missing. */
static void
tell_of_restore(void)
{
	static bool told = false;
	bool		incomplete = qlm_catalog_incomplete();

	if (incomplete && !told)
		ereport(LOG,
				(errmsg("qlm does not serve database \"%s\": its restore is not complete",
						get_database_name(MyDatabaseId)),
				 errhint("When all rows are there: SELECT qlm_restore_customizations(); in that database, or qlm_drop_customizations() to go on without what was set up on the tables.")));
	show_why_not(incomplete, told);
	told = incomplete;
}

bool
qlm_worker_can_serve(void)
{
	bool		available;

	if (!has_encoding())
	{
		tell_of_encoding();
		return false;
	}
	available = qlm_catalog_available();
	qlm_catalog_look_at_restore();
	tell_of_version();
	tell_of_damage();
	tell_of_restore();
	if (!available || qlm_catalog_incomplete())
		return false;
	must_start_again = is_superuser;
	return !must_start_again;
}

const char *
qlm_worker_why_not(void)
{
	if (!has_encoding())
		return "The encoding of the database is not UTF8, which qlm needs.";
	if (qlm_catalog_incomplete())
		return "The restore of the database is not complete: when all rows are there, SELECT qlm_restore_customizations().";
	if (damaged)
		return "The schema or a table of the extension qlm has another name in the database: the server's log says how to undo that.";
	return qlm_catalog_outdated() ?
		"The extension qlm in the database does not have version " QLM_VERSION ", which the server's library is of: ALTER EXTENSION qlm UPDATE." :
		"The extension qlm is not in the database.";
}

const char *
qlm_worker_missing(bool dispatches, bool listens)
{
	if (listens)
		return dispatches ? "fewer HTTP workers run than qlm.http_workers says" :
			"no dispatcher runs, so nothing is sent to callbacks and peers";
	return dispatches ? "the dispatcher runs, but no HTTP worker, so nobody can connect" :
		"neither the dispatcher nor an HTTP worker runs";
}

bool
qlm_worker_must_start_again(void)
{
	return must_start_again;
}

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

static void
detach_slot(int code, Datum arg)
{
	QlmWorkerSlot *slot = (QlmWorkerSlot *) DatumGetPointer(arg);

	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	slot->pid = 0;
	slot->state = QLM_WORKER_STOPPED;
	slot->address[0] = '\0';
	pg_atomic_write_u32(&slot->connections, 0);
	LWLockRelease(qlm_shared->lock);
	qlm_shmem_poke_launcher();
}

QlmWorkerSlot *
qlm_slot_attach(const QlmWorkerOrder *order)
{
	QlmWorkerSlot *slot;
	bool		taken;

	if (qlm_shared == NULL || order->slot < 0)
		return NULL;
	slot = &qlm_shared->slots[order->slot];
	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	taken = slot->pid != 0 || slot->state != QLM_WORKER_STARTING ||
		slot->number != order->number ||
		strcmp(NameStr(slot->database), NameStr(order->database)) != 0;
	if (!taken)
	{
		slot->pid = MyProcPid;
		slot->started_at = GetCurrentTimestamp();
	}
	LWLockRelease(qlm_shared->lock);

	/* The launcher has changed its mind while this process started. */
	if (taken)
		proc_exit(1);
	before_shmem_exit(detach_slot, PointerGetDatum(slot));
	my_slot = slot;
	return slot;
}

void
qlm_slot_report(QlmWorkerSlot *slot, QlmWorkerState state, const char *address,
				const char *error)
{
	if (slot == NULL)
		return;
	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	slot->database_id = MyDatabaseId;
	if (slot->state != QLM_WORKER_STOPPING)
		slot->state = state;
	strlcpy(slot->address, address, QLM_MAX_ADDRESS);
	strlcpy(slot->last_error, error, QLM_MAX_ERROR);
	LWLockRelease(qlm_shared->lock);
}

void
qlm_slot_error(QlmWorkerSlot *slot, const char *error)
{
	if (slot == NULL)
		return;
	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	strlcpy(slot->last_error, error, QLM_MAX_ERROR);
	LWLockRelease(qlm_shared->lock);
}

void
qlm_slot_start_again(QlmWorkerSlot *slot)
{
	if (slot == NULL)
		return;
	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	slot->start_again = true;
	LWLockRelease(qlm_shared->lock);
}

static LOCKTAG
lock_tag(Oid database_id, uint32 what, uint32 number)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, database_id, what, number, LOCK_KIND);
	return tag;
}

static bool
claim_number(int number)
{
	LOCKTAG		tag = lock_tag(MyDatabaseId, LOCK_NUMBER, number);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
qlm_worker_connect(const QlmWorkerOrder *order, const char *application_name)
{
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
	if (is_superuser && order->has_role)
		ereport(FATAL,
				(errcode(ERRCODE_INVALID_ROLE_SPECIFICATION),
				 errmsg("role \"%s\" must not be a superuser", QLM_SESSION_ROLE),
				 errhint("ALTER ROLE %s NOSUPERUSER;", QLM_SESSION_ROLE)));
	claimed = order->number == QLM_ERRAND || claim_number(order->number);
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

bool
qlm_port_enter(int port)
{
	LOCKTAG		tag = lock_tag(InvalidOid, LOCK_PORT, port);

	(void) LockAcquire(&tag, ExclusiveLock, true, false);
	tag = lock_tag(MyDatabaseId, LOCK_LISTENER, port);
	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return true;
	LockRelease(&tag, ExclusiveLock, true);
	return false;
}

void
qlm_port_leave(int port, bool listening)
{
	static int	held = 0;
	LOCKTAG		tag;

	if (held != 0)
	{
		tag = lock_tag(MyDatabaseId, LOCK_LISTENER, held);
		LockRelease(&tag, ShareLock, true);
		held = 0;
	}
	if (listening)
	{
		tag = lock_tag(MyDatabaseId, LOCK_LISTENER, port);
		(void) LockAcquire(&tag, ShareLock, true, false);
		held = port;
	}
	tag = lock_tag(InvalidOid, LOCK_PORT, port);
	LockRelease(&tag, ExclusiveLock, true);
}

static bool
is_held(const LockInstanceData *lock, Oid database_id, uint32 what)
{
	return lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
		lock->locktag.locktag_field1 == database_id &&
		lock->locktag.locktag_field2 == what &&
		lock->locktag.locktag_field4 == LOCK_KIND &&
		lock->holdMask != 0;
}

int
qlm_worker_find(Oid database_id, QlmWorkerProcess *processes, int max)
{
	LockData   *locks = GetLockStatusData();
	int			n = 0;
	int			i;
	int			j;

	for (i = 0; i < locks->nelements && n < max; i++)
		if (is_held(&locks->locks[i], database_id, LOCK_NUMBER))
		{
			processes[n].pid = locks->locks[i].pid;
			processes[n].number = locks->locks[i].locktag.locktag_field3;
			processes[n++].listening = false;
		}
	for (i = 0; i < locks->nelements; i++)
		for (j = 0; j < n; j++)
			if (processes[j].pid == locks->locks[i].pid &&
				is_held(&locks->locks[i], database_id, LOCK_LISTENER))
				processes[j].listening = true;
	return n;
}
