/*
 * outbox_autonomous.c
 *		Rows that are committed although the transaction that queues them is
 *		still open: how they get to another process, and what that does.
 *
 * The row is in a segment of dynamic shared memory.  The dispatcher finds it
 * in a list in shared memory.  If there is no dispatcher, or it is busy, a
 * background worker is started for this row.  Its state, changed atomically,
 * decides between the process that takes it and a sender that gives up, so the
 * outcome is known.
 *
 * The row gets a new id and refers to no other row, so its insertion never
 * waits for the sender's transaction.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "process/shmem.h"
#include "storage/core/rights.h"
#include "storage/outbox/outbox_autonomous.h"
#include "storage/peer/peer.h"

#define DISPATCHER_MS	250		/* for a dispatcher that is busy */
#define LOOK_MS			1000	/* between looks whether the other process runs */

typedef enum AutonomousState
{
	AUTONOMOUS_WAITING,
	AUTONOMOUS_TAKEN,
	AUTONOMOUS_QUEUED,			/* and committed */
	AUTONOMOUS_REFUSED,			/* error says why */
	AUTONOMOUS_WITHDRAWN		/* the sender has given up */
} AutonomousState;

/* Followed in the segment by up to two strings, each with its final NUL */
typedef struct AutonomousContent
{
	pg_atomic_uint32 state;
	int			sender;			/* backend number */
	int			taker;			/* process id */
	int64		message_id;		/* of the row, once it is committed */
	int			peer_id;		/* the peer that it is for */
	int			priority;
	QlmOrder	order;
	TimestampTz created_at;
	TimestampTz expires_at;
	bool		has_url;
	Size		envelope_at;	/* in the strings, after the URL */
	char		error[QLM_MAX_ERROR];
	char		strings[FLEXIBLE_ARRAY_MEMBER];
} AutonomousContent;

struct QlmAutonomous
{
	dsm_segment *segment;
	AutonomousContent *content;
	bool		refused;
};

static bool
change_state(AutonomousContent *content, uint32 from, uint32 to)
{
	return pg_atomic_compare_exchange_u32(&content->state, &from, to);
}

static dsm_segment *
pack(const QlmOutboxRow *row)
{
	Size		url_size = row->url ? strlen(row->url) + 1 : 0;
	Size		envelope_size = strlen(row->envelope) + 1;
	dsm_segment *segment = dsm_create(offsetof(AutonomousContent, strings) +
									  url_size + envelope_size, 0);
	AutonomousContent *content = dsm_segment_address(segment);

	memset(content, 0, offsetof(AutonomousContent, strings));
	pg_atomic_init_u32(&content->state, AUTONOMOUS_WAITING);
	content->sender = MyProc - ProcGlobal->allProcs;
	content->peer_id = row->peer_id;
	content->priority = row->priority;
	content->order = row->order;
	content->created_at = row->created_at;
	content->expires_at = row->expires_at;
	content->has_url = row->url != NULL;
	if (row->url)
		memcpy(content->strings, row->url, url_size);
	content->envelope_at = url_size;
	memcpy(content->strings + content->envelope_at, row->envelope,
		   envelope_size);
	return segment;
}

/*
 * Adds the row to the list and wakes the dispatcher.  Returns false if that is
 * not possible.
 */
static bool
hand_to_dispatcher(dsm_handle handle)
{
	Latch	   *latch = NULL;
	int			i;

	if (qlm_shared == NULL)
		return false;
	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < QLM_MAX_WORKERS && latch == NULL; i++)
		if (qlm_shared->slots[i].takes_autonomous &&
			qlm_shared->slots[i].database_id == MyDatabaseId)
			latch = &ProcGlobal->allProcs[qlm_shared->slots[i].process].procLatch;
	for (i = 0; i < QLM_MAX_AUTONOMOUS && latch; i++)
		if (!OidIsValid(qlm_shared->autonomous[i].database_id))
			break;
	if (latch == NULL || i == QLM_MAX_AUTONOMOUS)
	{
		LWLockRelease(qlm_shared->lock);
		return false;
	}
	qlm_shared->autonomous[i].database_id = MyDatabaseId;
	qlm_shared->autonomous[i].handle = handle;
	pg_atomic_fetch_add_u32(&qlm_shared->nautonomous, 1);
	LWLockRelease(qlm_shared->lock);
	SetLatch(latch);
	return true;
}

/*
 * Removes the rows of a database from the list, or the one with this handle.
 * Returns how many.
 */
static int
remove_from_list(Oid database_id, dsm_handle handle, dsm_handle *handles)
{
	int			n = 0;

	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < QLM_MAX_AUTONOMOUS; i++)
	{
		QlmAutonomousEntry *entry = &qlm_shared->autonomous[i];

		if (entry->database_id != database_id ||
			(handles == NULL && entry->handle != handle))
			continue;
		if (handles)
			handles[n] = entry->handle;
		n++;
		entry->database_id = InvalidOid;
		pg_atomic_fetch_sub_u32(&qlm_shared->nautonomous, 1);
	}
	LWLockRelease(qlm_shared->lock);
	return n;
}

static void
withdraw_from_list(int code, Datum handle)
{
	(void) remove_from_list(MyDatabaseId, DatumGetUInt32(handle), NULL);
}

static void
start_worker(dsm_handle handle, BackgroundWorkerHandle **worker_handle)
{
	BackgroundWorker worker = {0};
	Oid			place[2] = {MyDatabaseId, qlm_session_role()};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = UInt32GetDatum(handle);
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "qlm");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "qlm_autonomous_main");
	snprintf(worker.bgw_type, BGW_MAXLEN, "qlm autonomous");
	snprintf(worker.bgw_name, BGW_MAXLEN, "qlm autonomous for %d", MyProcPid);
	memcpy(worker.bgw_extra, place, sizeof(place));
	if (!RegisterDynamicBackgroundWorker(&worker, worker_handle))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("there is no free background worker to send the message"),
				 errhint("Raise max_worker_processes, or commit before waiting for the answer.")));
}

static void
sleep_a_little(long milliseconds)
{
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = qlm_wait_event_id("QlmAutonomous");
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
check_taker(const AutonomousContent *content)
{
	if (BackendPidGetProc(content->taker) == NULL &&
		pg_atomic_read_u32((pg_atomic_uint32 *) &content->state) == AUTONOMOUS_TAKEN)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("the process that should send the message has ended"),
				 errdetail("The message may have been sent.")));
}

/*
 * Raises an error if the worker that was started has ended without taking the
 * row.
 */
static void
check_worker(BackgroundWorkerHandle *worker, const AutonomousContent *content)
{
	pid_t		pid;

	if (worker && GetBackgroundWorkerPid(worker, &pid) == BGWH_STOPPED &&
		pg_atomic_read_u32((pg_atomic_uint32 *) &content->state) == AUTONOMOUS_WAITING)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("the background worker that should send the message has ended"),
				 errhint("The server's log says more.")));
}

/*
 * Waits until the row was taken and is done with.  Returns false if nobody
 * took it in time.
 */
static bool
wait_for_end(AutonomousContent *content, TimestampTz deadline,
			 BackgroundWorkerHandle *worker)
{
	for (;;)
	{
		uint32		state = pg_atomic_read_u32(&content->state);
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														   deadline);

		if (state == AUTONOMOUS_QUEUED || state == AUTONOMOUS_REFUSED)
			return true;
		if (state == AUTONOMOUS_WITHDRAWN)
			return false;
		if (state == AUTONOMOUS_TAKEN)
			check_taker(content);
		else
			check_worker(worker, content);
		if (state == AUTONOMOUS_WAITING && left <= 0)
			(void) change_state(content, AUTONOMOUS_WAITING, AUTONOMOUS_WITHDRAWN);
		else
			sleep_a_little(state == AUTONOMOUS_TAKEN ? LOOK_MS : Min(left, LOOK_MS));
	}
}

static bool
send_by_dispatcher(dsm_segment *segment, TimestampTz deadline)
{
	Datum		handle = UInt32GetDatum(dsm_segment_handle(segment));
	volatile bool ended = false;

	if (!hand_to_dispatcher(DatumGetUInt32(handle)))
		return false;
	PG_ENSURE_ERROR_CLEANUP(withdraw_from_list, handle);
	{
		TimestampTz patience = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														   DISPATCHER_MS);

		ended = wait_for_end(dsm_segment_address(segment),
							 Min(patience, deadline), NULL);
	}
	PG_END_ENSURE_ERROR_CLEANUP(withdraw_from_list, handle);
	withdraw_from_list(0, handle);
	return ended;
}

static bool
send_by_worker(dsm_segment *segment, TimestampTz deadline)
{
	AutonomousContent *content = dsm_segment_address(segment);
	BackgroundWorkerHandle *worker;

	pg_atomic_write_u32(&content->state, AUTONOMOUS_WAITING);
	start_worker(dsm_segment_handle(segment), &worker);
	return wait_for_end(content, deadline, worker);
}

int64
qlm_autonomous_send(const QlmOutboxRow *row, TimestampTz deadline)
{
	dsm_segment *segment = pack(row);
	AutonomousContent *content = dsm_segment_address(segment);
	int64		message_id = 0;

	if (send_by_dispatcher(segment, deadline) ||
		(GetCurrentTimestamp() < deadline && send_by_worker(segment, deadline)))
	{
		pg_read_barrier();
		if (pg_atomic_read_u32(&content->state) == AUTONOMOUS_REFUSED)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("the message cannot be sent before this transaction commits"),
					 errdetail("%s", pstrdup(content->error))));
		message_id = content->message_id;
	}
	dsm_detach(segment);
	return message_id;
}

static void
stop_serving(int code, Datum arg)
{
	QlmWorkerSlot *slot = (QlmWorkerSlot *) DatumGetPointer(arg);

	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	slot->takes_autonomous = false;
	LWLockRelease(qlm_shared->lock);
}

void
qlm_autonomous_serve(QlmWorkerSlot *slot)
{
	if (slot == NULL)
		return;
	LWLockAcquire(qlm_shared->lock, LW_EXCLUSIVE);
	slot->process = MyProc - ProcGlobal->allProcs;
	slot->takes_autonomous = true;
	LWLockRelease(qlm_shared->lock);
	before_shmem_exit(stop_serving, PointerGetDatum(slot));
}

bool
qlm_autonomous_waits(void)
{
	bool		any = false;

	if (qlm_shared == NULL || pg_atomic_read_u32(&qlm_shared->nautonomous) == 0)
		return false;
	LWLockAcquire(qlm_shared->lock, LW_SHARED);
	for (int i = 0; i < QLM_MAX_AUTONOMOUS; i++)
		any = any || qlm_shared->autonomous[i].database_id == MyDatabaseId;
	LWLockRelease(qlm_shared->lock);
	return any;
}

QlmAutonomous *
qlm_autonomous_open(uint32 handle)
{
	QlmAutonomous *autonomous = palloc0(sizeof(QlmAutonomous));

	autonomous->segment = dsm_attach(handle);
	if (autonomous->segment == NULL)
		return NULL;
	dsm_pin_mapping(autonomous->segment);
	autonomous->content = dsm_segment_address(autonomous->segment);
	if (!change_state(autonomous->content, AUTONOMOUS_WAITING, AUTONOMOUS_TAKEN))
	{
		dsm_detach(autonomous->segment);
		return NULL;
	}
	autonomous->content->taker = MyProcPid;
	return autonomous;
}

List *
qlm_autonomous_take(void)
{
	dsm_handle	handles[QLM_MAX_AUTONOMOUS];
	int			n = remove_from_list(MyDatabaseId, 0, handles);
	List	   *taken = NIL;

	for (int i = 0; i < n; i++)
	{
		QlmAutonomous *autonomous = qlm_autonomous_open(handles[i]);

		if (autonomous)
			taken = lappend(taken, autonomous);
	}
	return taken;
}

void
qlm_autonomous_insert(QlmAutonomous *autonomous)
{
	AutonomousContent *content = autonomous->content;
	QlmOutboxRow	row = {0};
	const QlmPeer *peer = qlm_peer_by_id(content->peer_id);

	if (peer == NULL)
	{
		autonomous->refused = true;
		strlcpy(content->error, "Its peer was added by the same transaction, or is gone.",
				QLM_MAX_ERROR);
		return;
	}
	row.peer_id = peer->peer_id;
	row.peer = peer->name;
	if (content->has_url)
		row.url = content->strings;
	row.envelope = content->strings + content->envelope_at;
	row.priority = content->priority;
	row.order = content->order;
	row.created_at = content->created_at;
	row.expires_at = content->expires_at;
	content->message_id = qlm_outbox_add(&row);
}

void
qlm_autonomous_finish(QlmAutonomous *autonomous, const char *error)
{
	AutonomousContent *content = autonomous->content;
	Latch	   *latch = &ProcGlobal->allProcs[content->sender].procLatch;

	if (error)
		strlcpy(content->error, error, QLM_MAX_ERROR);
	pg_write_barrier();
	pg_atomic_write_u32(&content->state, error || autonomous->refused ?
						AUTONOMOUS_REFUSED : AUTONOMOUS_QUEUED);
	dsm_detach(autonomous->segment);
	SetLatch(latch);
}
