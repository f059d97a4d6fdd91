/*
 * sockets_sweep.c
 *		Removes from the tables what belongs to WebSockets that have ended.
 *
 * This is done at once when a connection ends.  When the worker starts and
 * from time to time it removes, too, whatever names a connection that no
 * worker holds: rows left by a crash, or queued by a transaction that
 * committed after the end.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "storage/core/plan.h"
#include "storage/outbox/connection.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/common/worker_lock.h"
#include "worker/common/worker_slot.h"
#include "worker/server/sockets_sweep.h"

#define SWEEP_MS		60000
#define AGAIN_MS		1000	/* another session holds a lock on some rows */
#define STANDBY_LOOK_MS	1000	/* for the end of recovery */
#define LIMIT_MS		10000
#define AT_ONCE			1000	/* names removed in one transaction */

/* The names that one transaction removes */
typedef struct Sweep
{
	const char **names;
	int			n;
	bool		ended;
} Sweep;

static int	worker_number = 0;
static bool (*is_open) (const char *name) = NULL;
static MemoryContext sweep_context = NULL;
static List *ended = NIL;		/* names (char *) to be removed */
static TimestampTz remove_due = 0;
static TimestampTz sweep_due = 0;

void
qlm_sweep_init(int worker, bool (*is_open_here) (const char *name))
{
	worker_number = worker;
	is_open = is_open_here;
	sweep_context = AllocSetContextCreate(TopMemoryContext, "qlm sweep",
										  ALLOCSET_DEFAULT_SIZES);
}

void
qlm_sweep_add(const char *name)
{
	MemoryContext caller = MemoryContextSwitchTo(sweep_context);

	ended = lappend(ended, pstrdup(name));
	MemoryContextSwitchTo(caller);
}

static bool
runs(const QlmWorkerProcess *processes, int n, int number)
{
	for (int i = 0; i < n; i++)
		if (processes[i].number == number)
			return true;
	return false;
}

/*
 * The first worker also does this for workers that no longer run.  The names
 * must be read before the list of workers: a worker that starts in between
 * removes its predecessor's names itself.
 */
static void
find_stale(void *arg)
{
	QlmWorkerProcess processes[QLM_MAX_WORKERS];
	int			n;
	List	   *names;
	ListCell   *lc;

	if (!qlm_worker_can_serve())
		return;
	qlm_storage_begin();
	names = qlm_connection_names();
	qlm_storage_end();
	n = names == NIL ? 0 : qlm_worker_find(MyDatabaseId, processes, QLM_MAX_WORKERS);
	foreach(lc, names)
	{
		int			number = qlm_connection_worker(lfirst(lc));

		if (number == worker_number ? !is_open(lfirst(lc)) :
			worker_number == 1 && !runs(processes, n, number))
			qlm_sweep_add(lfirst(lc));
	}
}

static void
remove_names(void *arg)
{
	Sweep	   *sweep = arg;

	sweep->ended = true;
	if (!qlm_worker_can_serve())
		return;
	qlm_storage_begin();
	sweep->ended = qlm_connection_end(sweep->names, sweep->n);
	qlm_storage_end();
}

static bool
run(void (*work) (void *arg), void *arg, QlmWorkerSlot *slot)
{
	MemoryContext scratch = AllocSetContextCreate(TopMemoryContext, "qlm sweep step",
												  ALLOCSET_DEFAULT_SIZES);
	char	   *message;
	bool		done;

	MemoryContextSwitchTo(scratch);
	done = qlm_transaction_run(work, arg, LIMIT_MS, &message) == QLM_VERDICT_DONE;
	if (!done)
	{
		ereport(LOG, (errmsg("qlm could not clean up after WebSockets that have ended: %s",
							 message)));
		qlm_slot_error(slot, message);
	}
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(scratch);
	return done;
}

/* Removes the first names.  Returns whether they are done with. */
static bool
remove_some(QlmWorkerSlot *slot)
{
	const char *names[AT_ONCE];
	Sweep		sweep = {names, Min(list_length(ended), AT_ONCE)};

	for (int i = 0; i < sweep.n; i++)
		names[i] = list_nth(ended, i);
	if (!run(remove_names, &sweep, slot) || !sweep.ended)
		return false;
	for (int i = 0; i < sweep.n; i++)
		pfree(unconstify(char *, names[i]));
	ended = list_delete_first_n(ended, sweep.n);
	return true;
}

/*
 * On a standby, connections of this node have left nothing in the tables.
 * Those of the primary have, and are found after promotion.
 */
static void
forget_ended(void)
{
	list_free_deep(ended);
	ended = NIL;
}

void
qlm_sweep_run(QlmWorkerSlot *slot)
{
	TimestampTz now = GetCurrentTimestamp();

	if (RecoveryInProgress())
	{
		forget_ended();
		sweep_due = TimestampTzPlusMilliseconds(now, STANDBY_LOOK_MS);
		return;
	}
	if (sweep_due <= now)
	{
		if (ended == NIL)
			(void) run(find_stale, NULL, slot);
		sweep_due = TimestampTzPlusMilliseconds(now, SWEEP_MS);
	}
	if (ended == NIL || now < remove_due)
		return;
	while (ended != NIL)
		if (!remove_some(slot))
		{
			remove_due = TimestampTzPlusMilliseconds(now, AGAIN_MS);
			return;
		}
	remove_due = 0;
}

TimestampTz
qlm_sweep_due(void)
{
	return ended == NIL ? sweep_due : Min(sweep_due, remove_due);
}
