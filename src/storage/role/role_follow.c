/*
 * role_follow.c
 *		Updates rows when their roles change: names of renamed roles are
 *		corrected, and what belongs to dropped roles ends.
 *
 * Locked rows are skipped: a session that drops a role must not wait for a
 * transaction of that role.  The dispatcher comes back for these rows, and for
 * rows committed after a look.  Until then nobody gets any rights by them,
 * since the number of a dropped role is that of no other role.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/core/subtransaction.h"
#include "storage/role/role.h"
#include "storage/role/role_follow.h"

#define MAX_NAMED		10		/* peers named in a warning */
#define AGAIN_MS		1000	/* if rows were locked, or may be */
#define FAILED_MS		60000
#define SELDOM_MS		600000

/* The hint of warnings */
#define ROLE_HINT \
	"UPDATE qlm.peer SET role = ... gives a peer another role. Nothing of a role is given to a new one of its name."

/* Rows of each kind that the dispatcher changes at once */
#define ROWS_AT_ONCE	20000

/*
 * $1 is the first number of this cluster's roles, $2 the limit of rows.  A row
 * is correct if a role has both its name and its number.  Its role was dropped
 * if no role has its number or, for a number of another cluster, its name.
 */
#define ROLES "pg_catalog.pg_roles AS a"
#define NUMBER "$1 + a.oid::pg_catalog.int8"
#define IS_RIGHT(name) \
	"EXISTS (SELECT FROM " ROLES " WHERE a.rolname = t." name " AND " NUMBER " = t." name "_id)"
#define IS_FOREIGN(name) "t." name "_id NOT BETWEEN $1 AND $1 + 4294967295"
#define IS_GONE(name) \
	"NOT EXISTS (SELECT FROM " ROLES " WHERE " NUMBER " = t." name "_id)" \
	" AND NOT (" IS_FOREIGN(name) " AND EXISTS (SELECT FROM " ROLES " WHERE a.rolname = t." name "))"

#define SUBSCRIPTIONS "qlm.subscription AS t WHERE "
#define GATHERINGS "qlm.gathering AS t WHERE "
#define ASKED "qlm.outbox AS t WHERE t.state IN ('queued', 'sent') AND t.asker_role IS NOT NULL AND "
#define PEERS "qlm.peer AS t WHERE t.role IS NOT NULL AND "

static QlmPlan any_plan = {
	"SELECT FROM " SUBSCRIPTIONS "NOT " IS_RIGHT("role")
	" UNION ALL SELECT FROM " GATHERINGS "NOT " IS_RIGHT("role")
	" UNION ALL SELECT FROM " ASKED "NOT " IS_RIGHT("asker_role")
	" UNION ALL SELECT FROM " PEERS "NOT " IS_RIGHT("role"),
	2, {INT8OID, INT8OID}
};

/* Corrects the name of a role that was renamed. */
#define FOLLOW(table, rows, key, name) \
	"WITH mine AS (SELECT t." key ", a.rolname FROM " ROLES ", " rows \
	NUMBER " = t." name "_id AND a.rolname <> t." name " LIMIT $2 FOR NO KEY UPDATE OF t SKIP LOCKED)" \
	" UPDATE " table " AS t SET " name " = mine.rolname FROM mine WHERE t." key " = mine." key

/* A row from another cluster means the role that has its name here. */
#define BIND(table, rows, key, name) \
	"WITH mine AS (SELECT t." key ", " NUMBER " AS number FROM " ROLES ", " rows \
	"a.rolname = t." name " AND " IS_FOREIGN(name) " LIMIT $2 FOR NO KEY UPDATE OF t SKIP LOCKED)" \
	" UPDATE " table " AS t SET " name "_id = mine.number FROM mine WHERE t." key " = mine." key

static QlmPlan follow_plans[] = {
	{FOLLOW("qlm.subscription", SUBSCRIPTIONS, "request_id", "role"), 2, {INT8OID, INT8OID}},
	{FOLLOW("qlm.gathering", GATHERINGS, "request_id", "role"), 2, {INT8OID, INT8OID}},
	{FOLLOW("qlm.outbox", ASKED, "message_id", "asker_role"), 2, {INT8OID, INT8OID}},
	{FOLLOW("qlm.peer", PEERS, "peer_id", "role"), 2, {INT8OID, INT8OID}}
};

static QlmPlan bind_plans[] = {
	{BIND("qlm.subscription", SUBSCRIPTIONS, "request_id", "role"), 2, {INT8OID, INT8OID}},
	{BIND("qlm.gathering", GATHERINGS, "request_id", "role"), 2, {INT8OID, INT8OID}},
	{BIND("qlm.outbox", ASKED, "message_id", "asker_role"), 2, {INT8OID, INT8OID}},
	{BIND("qlm.peer", PEERS, "peer_id", "role"), 2, {INT8OID, INT8OID}}
};

/* Subscriptions are locked first. */
static QlmPlan lock_plan = {
	"SELECT t.request_id, t.role::pg_catalog.text FROM " SUBSCRIPTIONS IS_GONE("role")
	" ORDER BY t.request_id LIMIT $2 FOR UPDATE SKIP LOCKED",
	2, {INT8OID, INT8OID}
};

static QlmPlan waiting_plan = {
	"SELECT (SELECT pg_catalog.count(*) FROM qlm.subscription_value WHERE request_id = ANY ($1))"
	" + (SELECT pg_catalog.count(*) FROM qlm.forwarded_result WHERE request_id = ANY ($1))",
	1, {INT8ARRAYOID}
};

/*
 * The requests that these collections wait for go on, but the answers are
 * dropped.
 */
static QlmPlan gatherings_plan = {
	"WITH mine AS (SELECT t.request_id FROM " GATHERINGS IS_GONE("role")
	" LIMIT $2 FOR UPDATE SKIP LOCKED),"
	" gone AS (DELETE FROM qlm.gathering AS t USING mine WHERE t.request_id = mine.request_id"
	" RETURNING t.request_id, t.role),"
	" told AS (UPDATE qlm.outbox AS o SET awaited_by = NULL FROM gone"
	" WHERE o.awaited_by = gone.request_id)"
	" SELECT role::pg_catalog.text, pg_catalog.count(*) FROM gone GROUP BY role",
	2, {INT8OID, INT8OID}
};

/*
 * If the request for a remote subscription has left already, that is cancelled
 * when the answer brings its requestID.
 */
static QlmPlan asked_plan = {
	"WITH mine AS (SELECT t.message_id FROM " ASKED "t.awaited_by IS NULL AND "
	IS_GONE("asker_role") " LIMIT $2 FOR UPDATE SKIP LOCKED),"
	" gone AS (UPDATE qlm.outbox AS t SET state = 'cancelled', next_attempt_at = NULL,"
	" posting = false, last_error = 'the role that asked for it was dropped'"
	" FROM mine WHERE t.message_id = mine.message_id RETURNING t.asker_role)"
	" SELECT asker_role::pg_catalog.text, pg_catalog.count(*) FROM gone GROUP BY asker_role",
	2, {INT8OID, INT8OID}
};

static QlmPlan end_plan = {
	"DELETE FROM qlm.subscription WHERE request_id = ANY ($1)", 1, {INT8ARRAYOID}
};

static QlmPlan peers_plan = {
	"WITH mine AS (SELECT t.peer_id, t.role FROM " PEERS IS_GONE("role")
	" LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)"
	" UPDATE qlm.peer AS t SET role = NULL, role_id = 0 FROM mine"
	" WHERE t.peer_id = mine.peer_id RETURNING mine.role::pg_catalog.text, t.name",
	2, {INT8OID, INT8OID}
};

typedef struct Outcome
{
	Datum		values[2];		/* the first number of this cluster's roles, and
								 * how many rows at once */
	List	   *roles;			/* dropped roles, by their last names */
	List	   *peers;			/* peers without a role now */
	int			nsubscriptions;
	int64		nwaiting;		/* values and rows that waited */
} Outcome;

static void
execute_all(QlmPlan *plans, int n, Datum *values)
{
	for (int i = 0; i < n; i++)
		qlm_plan_execute(&plans[i], values, NULL, 0);
}

static void
add_role(Outcome *outcome, const char *name)
{
	ListCell   *lc;

	foreach(lc, outcome->roles)
		if (strcmp(lfirst(lc), name) == 0)
			return;
	outcome->roles = lappend(outcome->roles, pstrdup(name));
}

/* Adds up the rows that the statement has returned for each role. */
static void
add_waiting(Outcome *outcome)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;

		add_role(outcome, qlm_spi_text(row, 1));
		outcome->nwaiting += DatumGetInt64(qlm_spi_datum(row, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
}

static Datum
lock_subscriptions(Outcome *outcome)
{
	int64	   *ids;
	bool		isnull;

	qlm_plan_execute(&lock_plan, outcome->values, NULL, 0);
	outcome->nsubscriptions = (int) SPI_processed;
	ids = palloc(Max(outcome->nsubscriptions, 1) * sizeof(int64));
	for (int i = 0; i < outcome->nsubscriptions; i++)
	{
		ids[i] = DatumGetInt64(qlm_spi_datum(i, 1, &isnull));
		add_role(outcome, qlm_spi_text(i, 2));
	}
	SPI_freetuptable(SPI_tuptable);
	return qlm_array_int8(ids, outcome->nsubscriptions);
}

static void
end_all(Outcome *outcome)
{
	Datum		ids[1] = {lock_subscriptions(outcome)};
	bool		isnull;

	qlm_plan_execute(&waiting_plan, ids, NULL, 0);
	outcome->nwaiting += DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	qlm_plan_execute(&gatherings_plan, outcome->values, NULL, 0);
	add_waiting(outcome);
	qlm_plan_execute(&asked_plan, outcome->values, NULL, 0);
	add_waiting(outcome);
	if (outcome->nsubscriptions > 0)
		qlm_plan_execute(&end_plan, ids, NULL, 0);
	qlm_plan_execute(&peers_plan, outcome->values, NULL, 0);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		add_role(outcome, qlm_spi_text(row, 1));
		outcome->peers = lappend(outcome->peers, qlm_spi_text(row, 2));
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
append_names(StringInfo text, const List *names)
{
	int			n = list_length(names);

	for (int i = 0; i < Min(n, MAX_NAMED); i++)
		appendStringInfo(text, "%s\"%s\"", i > 0 ? ", " : "", (char *) list_nth(names, i));
	if (n > MAX_NAMED)
		appendStringInfo(text, " and %d more", n - MAX_NAMED);
}

/*
 * Describes what has ended, and the roles that it belonged to; empty: nothing
 */
typedef struct Report
{
	StringInfoData roles;
	StringInfoData ended;
} Report;

static void
init_report(Report *report)
{
	initStringInfo(&report->roles);
	initStringInfo(&report->ended);
}

static void
fill_report(Report *report, const Outcome *outcome)
{
	StringInfo	ended = &report->ended;

	append_names(&report->roles, outcome->roles);
	if (outcome->peers != NIL)
	{
		appendStringInfoString(ended, "Peers that are refused until they have another role: ");
		append_names(ended, outcome->peers);
		appendStringInfoString(ended, ". ");
	}
	if (outcome->roles != NIL)
		appendStringInfo(ended, "Subscriptions that have ended: %d; values and messages that waited for them, or were asked for: "
						 INT64_FORMAT ".",
						 outcome->nsubscriptions, outcome->nwaiting);
}

/*
 * Changes at most max rows of each kind.  Returns false if there was nothing
 * to do.
 */
static bool
follow(Report *report, int64 max)
{
	Outcome		outcome = {{Int64GetDatum(qlm_role_first_number()), Int64GetDatum(max)}};
	QlmRights	saved;
	bool		any;

	if (XactReadOnly)
		return false;
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&any_plan, outcome.values, NULL, 1);
	any = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	if (any)
	{
		execute_all(bind_plans, lengthof(bind_plans), outcome.values);
		execute_all(follow_plans, lengthof(follow_plans), outcome.values);
		end_all(&outcome);
	}
	qlm_rights_restore(&saved);
	fill_report(report, &outcome);
	if (outcome.roles != NIL)
	{
		qlm_wake_pending |= QLM_WAKE_OUTBOX | QLM_WAKE_ANSWER | QLM_WAKE_BUFFER;
		qlm_wake_key_note_all();
	}
	return any;
}

void
qlm_role_follow_bind(void)
{
	Datum		values[2] = {Int64GetDatum(qlm_role_first_number()), Int64GetDatum(PG_INT64_MAX)};
	QlmRights	saved;

	if (XactReadOnly)
		return;
	qlm_rights_become_owner(&saved);
	execute_all(bind_plans, lengthof(bind_plans), values);
	qlm_rights_restore(&saved);
}

static void
log_ended(const Report *report)
{
	if (report->roles.len > 0)
		ereport(LOG,
				(errmsg("qlm: dropped roles were in use: %s", report->roles.data),
				 errdetail("%s", report->ended.data),
				 errhint(ROLE_HINT),
				 errhidestmt(true), errhidecontext(true)));
}

/*
 * Errors must not keep the dispatcher from its work.  Returns when to look
 * again, in ms.
 */
static int
follow_guarded(void)
{
	Report		report;
	volatile int again_ms = FAILED_MS;

	init_report(&report);
	QLM_SUBTRANSACTION_TRY();
	{
		again_ms = follow(&report, ROWS_AT_ONCE) ? AGAIN_MS : SELDOM_MS;
		log_ended(&report);
	}
	QLM_SUBTRANSACTION_CATCH(error);
	{
		if (qlm_error_must_leave(error) && !qlm_error_is_said(error))
			ReThrowError(error);
		ereport(LOG,
				(errmsg("qlm could not end the subscriptions of dropped roles: %s", error->message)));
	}
	QLM_SUBTRANSACTION_END();
	return again_ms;
}

/*
 * A commit wakes the dispatcher before its invalidations are sent, so there is
 * one more look.
 */
TimestampTz
qlm_role_follow_changed(uint64 changes)
{
	static uint64 seen_changes = 0;
	static uint64 seen_generation = UINT64_MAX;
	static TimestampTz due = 0;
	TimestampTz now = GetCurrentTimestamp();
	bool		told = changes != seen_changes;
	int			again_ms;

	if (!told && seen_generation == qlm_role_generation() && now < due &&
		due <= TimestampTzPlusMilliseconds(now, SELDOM_MS))
		return due;
	seen_changes = changes;
	seen_generation = qlm_role_generation();
	again_ms = follow_guarded();
	due = TimestampTzPlusMilliseconds(now, told ? Min(again_ms, AGAIN_MS) : again_ms);
	return due;
}

/* Warns the user who has changed the role. */
static void
warn_of_ended(const Report *report)
{
	if (report->roles.len > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("dropped roles were in use by qlm in this database: %s", report->roles.data),
				 errdetail("%s", report->ended.data),
				 errhint(ROLE_HINT)));
}

void
qlm_role_follow_all(void)
{
	Report		report;

	init_report(&report);
	qlm_storage_begin();
	(void) follow(&report, PG_INT64_MAX);
	qlm_storage_end();
	warn_of_ended(&report);
}

PG_FUNCTION_INFO_V1(qlm_sql_follow_roles);

/*
 * qlm.follow_roles() returns void
 */
Datum
qlm_sql_follow_roles(PG_FUNCTION_ARGS)
{
	qlm_role_follow_all();
	PG_RETURN_VOID();
}
