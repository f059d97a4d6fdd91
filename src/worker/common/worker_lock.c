/*
 * worker_lock.c
 *		Locks that show which workers of a database run, and which of them
 *		listen.
 *
 * They are advisory locks of a kind (fourth field of the tag) that SQL does
 * not use, so they never conflict with those of users.  They are released when
 * the process ends, however it ends.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "worker/common/worker_lock.h"

#define LOCK_KIND		3		/* SQL uses 1 and 2 */
#define LOCK_NUMBER		0x514c4d01	/* (database, number): runs */
#define LOCK_LISTENER	0x514c4d02	/* (database, port): listens, shared */
#define LOCK_PORT		0x514c4d03	/* (port): is about to listen */

static LOCKTAG
lock_tag(Oid database_id, uint32 what, uint32 number)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, database_id, what, number, LOCK_KIND);
	return tag;
}

bool
qlm_worker_lock_claim(int number)
{
	LOCKTAG		tag = lock_tag(MyDatabaseId, LOCK_NUMBER, number);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
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
