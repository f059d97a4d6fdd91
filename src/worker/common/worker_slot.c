/*
 * worker_slot.c
 *		The slot of a worker in shared memory.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "worker/common/worker_slot.h"

static QlmWorkerSlot *my_slot = NULL;

QlmWorkerSlot *
qlm_slot_mine(void)
{
	return my_slot;
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

	/* The launcher no longer wants this worker. */
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
