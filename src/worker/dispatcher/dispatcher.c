/*
 * dispatcher.c
 *		The dispatcher: posts what is due in the outbox, and calls the peers
 *		that cannot call this node.
 *
 * There is one for each database.  The commit of a row that must leave wakes
 * it; otherwise it sleeps until the next thing is due.  A lost wake-up costs
 * at most half a minute.  No transaction is open during transfers.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/address.h"
#include "base/client_settings.h"
#include "base/limits.h"
#include "process/loop.h"
#include "process/wake.h"
#include "process/wake_key.h"
#include "service/exchange/callback.h"
#include "service/forward/collect.h"
#include "service/forward/remote_subscription.h"
#include "service/road/dialog.h"
#include "service/subscribe/interval.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/outbox/endpoint.h"
#include "storage/outbox/heartbeat_peer.h"
#include "storage/outbox/lease.h"
#include "storage/outbox/missed.h"
#include "storage/outbox/outbox_autonomous.h"
#include "storage/replica/node_place.h"
#include "storage/role/role_follow.h"
#include "storage/subscription/next_due.h"
#include "storage/subscription/subscription_tick.h"
#include "worker/common/readiness.h"
#include "worker/common/transaction.h"
#include "worker/common/worker.h"
#include "worker/common/worker_slot.h"
#include "worker/dispatcher/autonomous.h"
#include "worker/dispatcher/backlog.h"
#include "worker/dispatcher/dispatcher.h"
#include "worker/dispatcher/heartbeat.h"
#include "worker/dispatcher/postings.h"
#include "worker/dispatcher/rounds.h"
#include "worker/dispatcher/withheld.h"

#define LOOK_MS			30000	/* if nothing is due earlier */
#define LOOK_ALONE_MS	100		/* without shared memory nobody can wake it */
#define STANDBY_LOOK_MS	1000	/* for the end of recovery */
#define WORK_LIMIT_MS	30000	/* for one transaction */
#define SOCKET_IDLE_MS	10000	/* between looks which are still wanted */
#define TICKS_PER_LOOK	100
#define TAKEN_UP_PER_LOOK 100

typedef struct Dispatcher
{
	QlmWorkerSlot *slot;
	QlmLoop    *loop;
	QlmHttpClient *client;
	TimestampTz look_due;
	bool		is_recovered;	/* leases of an earlier one are released */
	bool		to_take_up;		/* as found at the last look */
	int			look_ms;
	uint64		seen;			/* number of commits at the last look */
	MemoryContext context;		/* of one turn */
} Dispatcher;

/*
 * Hosts of the known peers, which callbacks may name if qlm.callback_allow is
 * empty
 */
static char *peer_hosts = NULL;

static bool
is_allowed(const struct sockaddr *address, const char *host, bool of_peer)
{
	const char *list = qlm_callback_allow && *qlm_callback_allow ?
		qlm_callback_allow : of_peer ? peer_hosts : NULL;

	if (list == NULL)
		return false;
	return address ? qlm_address_list_matches(list, address, host) :
		qlm_address_list_says(list, host, false);
}

static void
refresh_peer_hosts(void)
{
	char	   *hosts = qlm_callback_peer_hosts();

	if (peer_hosts)
		pfree(peer_hosts);
	peer_hosts = MemoryContextStrdup(TopMemoryContext, hosts);
}

/* A WebSocket stays open as long as a subscription may use it again. */
static void
close_sockets(Dispatcher *dispatcher)
{
	List	   *idle = qlm_http_client_idle_sockets(dispatcher->client, SOCKET_IDLE_MS);

	qlm_http_client_close_sockets(dispatcher->client, qlm_endpoint_unwanted(idle));
}

/* Claims everything that is due. */
static void
claim(Dispatcher *dispatcher, TimestampTz roles_due)
{
	List	   *ticks = qlm_tick_due(TICKS_PER_LOOK);
	TimestampTz next_due;
	ListCell   *lc;

	foreach(lc, ticks)
		qlm_interval_tick(((QlmTick *) lfirst(lc))->request_id);
	close_sockets(dispatcher);
	refresh_peer_hosts();
	qlm_heartbeats_update(qlm_heartbeat_peers());
	qlm_postings_lease();
	next_due = qlm_next_due(&dispatcher->to_take_up);
	if (qlm_node_place_holds_now())
	{
		qlm_heartbeats_update(NIL);
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("rows of another node have come: %s", qlm_node_place_why())));
	}
	if (list_length(ticks) == TICKS_PER_LOOK)
		dispatcher->look_due = GetCurrentTimestamp();
	else
		dispatcher->look_due = Min(Min(Min(dispatcher->look_due, roles_due), qlm_rounds_due()),
								   Min(next_due, qlm_backlog_due()));
}

/*
 * While outgoing messages are held: transfers under way are completed, but
 * heartbeats that a peer holds are cut, so that their answer cannot be lost.
 */
static void
hold(Dispatcher *dispatcher, TimestampTz roles_due)
{
	qlm_http_client_close_sockets(dispatcher->client,
								  qlm_http_client_idle_sockets(dispatcher->client, 0));
	qlm_heartbeats_update(NIL);
	qlm_postings_hold();
	/* A copy takes up no answers: the original does. */
	if (qlm_withheld() != QLM_WITHHELD_COPY)
		(void) qlm_next_due(&dispatcher->to_take_up);
	dispatcher->look_due = Min(dispatcher->look_due, roles_due);
}

/* Runs in one transaction. */
static void
look(void *arg)
{
	Dispatcher *dispatcher = arg;
	TimestampTz roles_due;

	dispatcher->to_take_up = false;
	dispatcher->look_due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   dispatcher->look_ms);
	if (!qlm_worker_can_serve())
	{
		qlm_heartbeats_update(NIL);
		return;
	}
	qlm_storage_begin();
	roles_due = qlm_role_follow_changed(qlm_wake_role_count());
	qlm_missed_count_now();
	if (qlm_withheld_look(dispatcher->slot))
		hold(dispatcher, roles_due);
	else
		claim(dispatcher, roles_due);
	qlm_storage_end();
}

/*
 * Takes up the answers for requests whose rows have ended.  This may make more
 * rows due.
 */
static void
take_up_answers(void *arg)
{
	Dispatcher *dispatcher = arg;

	if (qlm_worker_can_serve() && qlm_remote_subscription_work(TAKEN_UP_PER_LOOK) > 0)
		dispatcher->look_due = 0;
}

static void
take_up_collections(void *arg)
{
	Dispatcher *dispatcher = arg;

	if (qlm_worker_can_serve() && qlm_collect_finish(TAKEN_UP_PER_LOOK) > 0)
		dispatcher->look_due = 0;
}

/* Releases what an earlier dispatcher had leased. */
static void
recover(void *arg)
{
	if (!qlm_worker_can_serve())
		return;
	qlm_storage_begin();
	qlm_lease_recover();
	qlm_storage_end();
}

static bool
run(Dispatcher *dispatcher, void (*work) (void *arg))
{
	char	   *message;

	if (qlm_transaction_run(work, dispatcher, WORK_LIMIT_MS, &message) == QLM_VERDICT_DONE)
		return true;
	ereport(LOG, (errmsg("qlm dispatcher: %s", message)));
	qlm_slot_error(dispatcher->slot, message);
	qlm_postings_forget_leases();
	dispatcher->look_due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   qlm_retry_delay);
	return false;
}

/*
 * Without the extension results of transfers cannot be recorded, and must not
 * be retried for ever: the dispatcher ends.
 */
static void
require_catalog(void)
{
	if (!qlm_worker_can_serve() && !qlm_catalog_incomplete())
		ereport(FATAL,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("qlm dispatcher ends: the extension was dropped")));
}

static void
record_deliveries(void *arg)
{
	require_catalog();
	qlm_storage_begin();
	qlm_postings_record();
	qlm_storage_end();
}

static void
record_answer(void *arg)
{
	require_catalog();
	qlm_storage_begin();
	qlm_postings_record_answer();
	qlm_storage_end();
}

static void
record_heartbeats(void *arg)
{
	require_catalog();
	qlm_storage_begin();
	qlm_heartbeats_record();
	qlm_storage_end();
}

/* Hands each finished transfer to its owner. */
static void
collect(Dispatcher *dispatcher)
{
	QlmTransfer *transfer;

	qlm_http_client_run(dispatcher->client);
	while ((transfer = qlm_http_client_next(dispatcher->client)) != NULL)
	{
		if (qlm_heartbeats_own(transfer))
			qlm_heartbeats_finished(transfer);
		else
			qlm_postings_finished(transfer);
	}
	qlm_postings_give_way();
}

/*
 * Is it time to look?  A due time too far away was set before the clock was
 * set back.
 */
static bool
must_look(const Dispatcher *dispatcher)
{
	TimestampTz now = GetCurrentTimestamp();

	return dispatcher->look_due <= now || dispatcher->seen != qlm_wake_count() ||
		dispatcher->look_due > TimestampTzPlusMilliseconds(now,
														   Max(dispatcher->look_ms,
															   qlm_retry_delay));
}

/*
 * Taking up answers is rare, so it has transactions of its own, and only if
 * there are any.  They run after everything else was started.  If they fail,
 * its due times still hold.
 */
static void
look_and_take_up(Dispatcher *dispatcher)
{
	TimestampTz due;

	dispatcher->seen = qlm_wake_count();
	if (!dispatcher->is_recovered)
		dispatcher->is_recovered = run(dispatcher, recover);

	/* Rows leased by an earlier dispatcher go first, to keep their order. */
	if (!dispatcher->is_recovered)
		return;
	run(dispatcher, look);
	qlm_postings_start();
	if (!dispatcher->to_take_up)
		return;
	due = dispatcher->look_due;
	run(dispatcher, take_up_answers);
	due = Min(due, dispatcher->look_due);
	run(dispatcher, take_up_collections);
	dispatcher->look_due = Min(due, dispatcher->look_due);
}

static void
serve(Dispatcher *dispatcher)
{
	MemoryContextSwitchTo(dispatcher->context);
	collect(dispatcher);
	if (qlm_autonomous_waits())
		qlm_autonomous_run(qlm_autonomous_take());
	if (qlm_heartbeats_to_record())
	{
		run(dispatcher, record_heartbeats);
		/* Nested requests were executed, so the outbox has their answers now. */
		dispatcher->look_due = 0;
	}
	if (qlm_postings_to_record())
	{
		run(dispatcher, record_deliveries);
		if (qlm_postings_has_answer())
			run(dispatcher, record_answer);
		/* Postings that have ended make room for others. */
		qlm_postings_start();
		dispatcher->look_due = 0;
	}
	if (must_look(dispatcher))
		look_and_take_up(dispatcher);
	qlm_postings_post();
	qlm_heartbeats_start();
	qlm_http_client_run(dispatcher->client);
	(void) pgstat_report_stat(false);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(dispatcher->context);
}

static void
set_timers(Dispatcher *dispatcher)
{
	int64		due = qlm_http_client_due(dispatcher->client);
	TimestampTz beat = qlm_heartbeats_due();

	qlm_loop_after(dispatcher->loop, LOOK_MS);
	if (due >= 0)
		qlm_loop_after(dispatcher->loop, due);
	if (qlm_autonomous_waits())
		qlm_loop_after(dispatcher->loop, 0);
	qlm_loop_at(dispatcher->loop,
				dispatcher->seen == qlm_wake_count() ? dispatcher->look_due : 0);
	if (beat != DT_NOEND)
		qlm_loop_at(dispatcher->loop, beat);
	if (qlm_postings_give_way_due() != DT_NOEND)
		qlm_loop_at(dispatcher->loop, qlm_postings_give_way_due());
	if (qlm_postings_record_due() != DT_NOEND)
		qlm_loop_at(dispatcher->loop, qlm_postings_record_due());
}

static void
stop(Dispatcher *dispatcher)
{
	qlm_slot_report(dispatcher->slot, QLM_WORKER_STOPPING, "", "");
	if (qlm_postings_has_unrecorded())
		run(dispatcher, record_deliveries);
	for (int i = 0; i < qlm_max_transfers && qlm_postings_has_answer(); i++)
		run(dispatcher, record_answer);
	qlm_http_client_close_sockets(dispatcher->client,
								  qlm_http_client_idle_sockets(dispatcher->client, 0));
	qlm_http_client_run(dispatcher->client);
	proc_exit(1);
}

/* A standby sends nothing: waits until it is promoted. */
static void
wait_for_promotion(Dispatcher *dispatcher)
{
	if (!RecoveryInProgress())
		return;
	pgstat_report_activity(STATE_IDLE, "qlm: standby");
	do
	{
		qlm_loop_after(dispatcher->loop, STANDBY_LOOK_MS);
		if (qlm_loop_wait(dispatcher->loop) & QLM_LOOP_STOP)
			proc_exit(1);
	} while (RecoveryInProgress());
	pgstat_report_activity(STATE_IDLE, NULL);
}

void
qlm_dispatcher_main(Datum arg)
{
	static Dispatcher dispatcher;
	QlmWorkerOrder order;

	MemoryContextSwitchTo(TopMemoryContext);
	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(QlmWorkerOrder));
	dispatcher.slot = qlm_slot_attach(&order);
	qlm_loop_signals();
	qlm_worker_connect(&order, "qlm dispatcher");
	dispatcher.client = qlm_http_client_create(is_allowed);
	dispatcher.loop = qlm_loop_create(qlm_http_client_fd(dispatcher.client));
	dispatcher.context = AllocSetContextCreate(TopMemoryContext, "qlm dispatcher",
											   ALLOCSET_DEFAULT_SIZES);
	wait_for_promotion(&dispatcher);
	qlm_postings_init(dispatcher.client);
	qlm_heartbeats_init(dispatcher.client);
	dispatcher.look_ms = qlm_wake_listen(QLM_WAKE_OUTBOX) ? LOOK_MS : LOOK_ALONE_MS;
	qlm_slot_report(dispatcher.slot, QLM_WORKER_RUNNING, "", "");
	qlm_autonomous_serve(dispatcher.slot);
	dispatcher.look_due = 0;

	for (;;)
	{
		int			events;

		set_timers(&dispatcher);
		events = qlm_loop_wait(dispatcher.loop);
		if (events & QLM_LOOP_STOP)
			stop(&dispatcher);
		if (events & QLM_LOOP_RELOAD)
			dispatcher.look_due = 0;
		serve(&dispatcher);
		if (qlm_worker_must_start_again())
		{
			qlm_slot_start_again(dispatcher.slot);
			stop(&dispatcher);
		}
	}
}
