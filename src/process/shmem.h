/*
 * shmem.h
 *		Shared memory: one slot for each worker, the databases that were
 *		stopped, and the sessions that wait.  There only where qlm is in
 *		shared_preload_libraries; everything works without it, workers are
 *		then neither watched nor counted.
 */
#ifndef QLM_SHMEM_H
#define QLM_SHMEM_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "process/wake_key.h"

#define QLM_MAX_WORKERS		64
#define QLM_MAX_AUTONOMOUS		64
#define QLM_MAX_ERROR		256
#define QLM_MAX_ADDRESS		128

typedef enum QlmWorkerState
{
	QLM_WORKER_FREE,			/* the slot was never used */
	QLM_WORKER_STARTING,		/* asked for, not yet there */
	QLM_WORKER_RUNNING,
	QLM_WORKER_HOLDING,			/* running, but nothing may leave */
	QLM_WORKER_STOPPING,
	QLM_WORKER_STOPPED			/* ended; says why */
} QlmWorkerState;

/*
 * A worker.  The launcher gives the slot to a database and a number; from then
 * on the worker alone writes it, until it ends.  Counters have one writer and
 * are read without a lock.
 */
typedef struct QlmWorkerSlot
{
	QlmWorkerState state;
	int			pid;			/* 0: none */
	int			number;			/* 1.. within its database */
	Oid			database_id;	/* once connected */
	NameData	database;
	TimestampTz started_at;
	char		address[QLM_MAX_ADDRESS];
	char		last_error[QLM_MAX_ERROR];
	pg_atomic_uint64 requests;
	pg_atomic_uint64 batches;
	pg_atomic_uint64 bytes_in;
	pg_atomic_uint64 bytes_out;
	pg_atomic_uint32 connections;
	int			process;		/* its number */
	bool		takes_autonomous;	/* a dispatcher that is ready for them */
	bool		has_role;		/* its session is not a superuser's */
	bool		start_again;	/* it ended to be started again at once */
	pg_atomic_uint64 interest[QLM_WAKE_WORDS];	/* keys that its requests wait for */
	pg_atomic_uint64 woken[QLM_WAKE_WORDS]; /* those of them that others committed */
	pg_atomic_uint64 connected[QLM_WAKE_WORDS]; /* keys of peers with a WebSocket */
} QlmWorkerSlot;

/* An outbox row for the dispatcher of a database, see storage/outbox/outbox_autonomous.c */
typedef struct QlmAutonomousEntry
{
	Oid			database_id;	/* InvalidOid: the entry is free */
	dsm_handle	handle;
} QlmAutonomousEntry;

typedef struct QlmShared
{
	LWLock	   *lock;			/* guards what is not atomic */
	Latch	   *launcher;		/* NULL: not running */
	int			nstopped;
	Oid			stopped[QLM_MAX_WORKERS];	/* databases, by qlm_stop() */
	QlmWorkerSlot slots[QLM_MAX_WORKERS];
	QlmAutonomousEntry autonomous[QLM_MAX_AUTONOMOUS];
	pg_atomic_uint32 nautonomous;	/* entries in use */
	pg_atomic_uint64 noutbox;	/* commits with something to leave */
	pg_atomic_uint64 nroles;	/* and that renamed or dropped a role */
	pg_atomic_uint64 nended;	/* commits that have ended subscriptions */
	pg_atomic_uint32 nwaiting;
	int			max_waiting;
	pg_atomic_uint32 waiting[FLEXIBLE_ARRAY_MEMBER];	/* by process number:
														 * QLM_WAKE_* bits */
} QlmShared;

/* NULL where the library was not preloaded */
extern QlmShared *qlm_shared;

extern void qlm_shmem_register(void);

/* Poke the launcher, if there is one. */
extern void qlm_shmem_poke_launcher(void);

/* This process is (no longer) the launcher. */
extern void qlm_shmem_set_launcher(Latch *latch);

/* Databases that qlm_stop() has stopped; true: it changed something */
extern bool qlm_shmem_is_stopped(Oid database_id);
extern bool qlm_shmem_set_stopped(Oid database_id, bool stopped);

/* All of them, also those dropped since; returns how many */
extern int	qlm_shmem_stopped(Oid database_ids[QLM_MAX_WORKERS]);

#endif							/* QLM_SHMEM_H */
