/*
 * subscription.c
 *		Subscriptions and their targets.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "process/wake_key.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/connection.h"
#include "storage/outbox/outbox.h"
#include "storage/role/role.h"
#include "storage/subscription/dropped.h"
#include "storage/subscription/subscription.h"

static QlmPlan add_plan = {
	"INSERT INTO qlm.subscription (request_id, role, peer, callback, \"interval\","
	" dialect, created_at, expires_at, next_due, node, peer_id, role_id)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
	12, {INT8OID, NAMEOID, TEXTOID, TEXTOID, FLOAT8OID, TEXTOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, INT4OID, INT8OID}
};

static QlmPlan add_targets_plan = {
	"INSERT INTO qlm.subscription_target (request_id, path)"
	" SELECT DISTINCT $1, t.path FROM ROWS FROM (pg_catalog.unnest($2)) AS t (path)",
	2, {INT8OID, TEXTARRAYOID}
};

#define GET \
	"SELECT role::pg_catalog.text, peer, callback, \"interval\", dialect," \
	" created_at, expires_at, COALESCE(polled_at, created_at), dropped," \
	" ARRAY(SELECT t.path FROM qlm.subscription_target t" \
	" WHERE t.request_id = s.request_id ORDER BY t.path), node, peer_id, role_id" \
	" FROM qlm.subscription s WHERE s.request_id = $1 AND s.expires_at > $2"

static QlmPlan get_plan = {
	GET, 2, {INT8OID, TIMESTAMPTZOID}
};

static QlmPlan lock_plan = {
	GET " FOR NO KEY UPDATE OF s", 2, {INT8OID, TIMESTAMPTZOID}
};

static QlmPlan cancel_plan = {
	"DELETE FROM qlm.subscription WHERE request_id = $1 RETURNING expires_at > $2",
	2, {INT8OID, TIMESTAMPTZOID}
};

static QlmPlan expire_plan = {
	"WITH past AS (SELECT request_id FROM qlm.subscription"
	" WHERE expires_at <= $1 AND expires_at < 'infinity'"
	" ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
	" DELETE FROM qlm.subscription s USING past"
	" WHERE s.request_id = past.request_id",
	2, {TIMESTAMPTZOID, INT8OID}
};

static QlmPlan polled_plan = {
	"UPDATE qlm.subscription SET polled_at = $2, deliveries = deliveries + 1,"
	" dropped = GREATEST(dropped - $3, 0) WHERE request_id = $1",
	3, {INT8OID, TIMESTAMPTZOID, INT8OID}
};

/* Returns the first tick of an interval, or DT_NOEND if there are no ticks. */
static TimestampTz
first_due(const QlmSubscription *subscription)
{
	double		due = (double) subscription->created_at +
		subscription->interval * USECS_PER_SEC;

	if (subscription->node || subscription->callback == NULL || !(subscription->interval > 0) ||
		due >= (double) END_TIMESTAMP)
		return DT_NOEND;
	return (TimestampTz) rint(due);
}

static void
add_row(const QlmSubscription *subscription)
{
	TimestampTz due = first_due(subscription);
	NameData	role;
	Datum		values[12];
	char		nulls[12];

	memset(nulls, ' ', sizeof(nulls));
	namestrcpy(&role, qlm_role_name(subscription->role));
	values[0] = Int64GetDatum(subscription->request_id);
	values[1] = NameGetDatum(&role);
	values[2] = subscription->peer ? CStringGetTextDatum(subscription->peer) : (Datum) 0;
	nulls[2] = subscription->peer ? ' ' : 'n';
	values[3] = subscription->callback ? CStringGetTextDatum(subscription->callback) : (Datum) 0;
	nulls[3] = subscription->callback ? ' ' : 'n';
	values[4] = Float8GetDatum(subscription->interval);
	values[5] = CStringGetTextDatum(subscription->dialect);
	values[6] = TimestampTzGetDatum(subscription->created_at);
	values[7] = TimestampTzGetDatum(subscription->expires_at);
	values[8] = TimestampTzGetDatum(due);
	nulls[8] = due != DT_NOEND ? ' ' : 'n';
	values[9] = subscription->node ? CStringGetTextDatum(subscription->node) : (Datum) 0;
	nulls[9] = subscription->node ? ' ' : 'n';
	values[10] = Int32GetDatum(subscription->peer_id);
	values[11] = Int64GetDatum(qlm_role_number(subscription->role));
	qlm_plan_execute(&add_plan, values, nulls, 0);
}

static void
add_targets(const QlmSubscription *subscription)
{
	Datum		values[2];

	values[0] = Int64GetDatum(subscription->request_id);
	values[1] = qlm_array_text(subscription->targets, subscription->ntargets);
	qlm_plan_execute(&add_targets_plan, values, NULL, 0);
}

void
qlm_subscription_add(QlmSubscription *subscription)
{
	QlmRights	saved;

	if (subscription->callback)
		qlm_outbox_check_url(subscription->callback);
	subscription->request_id =
		qlm_outbox_new_id(subscription->callback && qlm_is_connection(subscription->callback));
	subscription->created_at = GetCurrentTimestamp();
	subscription->polled_at = subscription->created_at;
	qlm_rights_become_owner(&saved);
	add_row(subscription);
	add_targets(subscription);
	qlm_rights_restore(&saved);
	if (first_due(subscription) != DT_NOEND)
		qlm_wake_pending |= QLM_WAKE_OUTBOX;
}

static void
read_targets(QlmSubscription *subscription, Datum array)
{
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &n);
	subscription->ntargets = n;
	subscription->targets = palloc(Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		subscription->targets[i] = TextDatumGetCString(elements[i]);
}

static QlmSubscription *
read_subscription(int64 request_id)
{
	QlmSubscription *subscription = palloc0(sizeof(QlmSubscription));
	bool		isnull;

	subscription->request_id = request_id;
	subscription->role = qlm_role_of(DatumGetInt64(qlm_spi_datum(0, 13, &isnull)),
									 qlm_spi_text(0, 1));
	subscription->peer = qlm_spi_text(0, 2);
	subscription->callback = qlm_spi_text(0, 3);
	subscription->interval = DatumGetFloat8(qlm_spi_datum(0, 4, &isnull));
	subscription->dialect = qlm_spi_text(0, 5);
	subscription->created_at = DatumGetTimestampTz(qlm_spi_datum(0, 6, &isnull));
	subscription->expires_at = DatumGetTimestampTz(qlm_spi_datum(0, 7, &isnull));
	subscription->polled_at = DatumGetTimestampTz(qlm_spi_datum(0, 8, &isnull));
	subscription->dropped = DatumGetInt64(qlm_spi_datum(0, 9, &isnull));
	read_targets(subscription, qlm_spi_datum(0, 10, &isnull));
	subscription->node = qlm_spi_text(0, 11);
	subscription->peer_id = DatumGetInt32(qlm_spi_datum(0, 12, &isnull));
	return subscription;
}

QlmSubscription *
qlm_subscription_get(int64 request_id, bool for_update)
{
	QlmSubscription *subscription = NULL;
	Datum		values[2];
	QlmRights	saved;

	values[0] = Int64GetDatum(request_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(for_update ? &lock_plan : &get_plan, values, NULL, 1);
	if (SPI_processed > 0)
		subscription = read_subscription(request_id);
	SPI_freetuptable(SPI_tuptable);
	if (subscription && !OidIsValid(subscription->role))
		subscription = NULL;
	if (subscription && for_update)
		subscription->dropped += qlm_subscription_trim(request_id, 0);
	qlm_rights_restore(&saved);
	return subscription;
}

bool
qlm_subscription_cancel(int64 request_id)
{
	Datum		values[2];
	QlmRights	saved;
	bool		isnull;
	bool		cancelled;

	values[0] = Int64GetDatum(request_id);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&cancel_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	cancelled = SPI_processed > 0 && DatumGetBool(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return cancelled;
}

void
qlm_subscription_polled(const QlmSubscription *subscription, TimestampTz tick)
{
	Datum		values[3];
	QlmRights	saved;

	values[0] = Int64GetDatum(subscription->request_id);
	values[1] = TimestampTzGetDatum(tick);
	values[2] = Int64GetDatum(subscription->dropped);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&polled_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
}

int
qlm_subscription_expire(int max)
{
	Datum		values[2];
	QlmRights	saved;

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = Int64GetDatum(max);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&expire_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
	return (int) SPI_processed;
}
