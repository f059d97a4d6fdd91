/*
 * quota.c
 *		How many subscriptions and outbox rows a caller has.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/limits.h"
#include "storage/core/plan.h"
#include "storage/peer/quota.h"
#include "storage/role/role.h"

/* A count for events of a caller is valid for at most so long ... */
#define COUNT_MS		1000
#define COUNT_PAUSE_MS	100		/* ... and is not repeated earlier */
#define MAX_CALLERS		1000

typedef struct Left
{
	uint64		caller;
	TimestampTz counted_at;
	int			limit;			/* qlm.max_queued at the count */
	int			counted;
	int			left;
} Left;

/* $1: the peer, or without a peer the role; $2: the limit; $3: now */
#define COUNT(what) \
	"SELECT pg_catalog.count(*) FROM (SELECT FROM " what \
	" AND expires_at > $3 LIMIT $2) AS o"

/* A row of more than 8 kB counts as several. */
#define SIZE		"1 + pg_catalog.octet_length(envelope) / 8192 AS size"
#define SUM			"SELECT COALESCE(pg_catalog.sum(size), 0) FROM "
#define IS_WAITING " AND state IN ('queued', 'sent')"

/* Collections count as rows, since their answers become rows. */
#define ASKED(message, gathering) \
	SUM "(SELECT " SIZE " FROM qlm.outbox WHERE " message \
	IS_WAITING " AND expires_at > $3 UNION ALL SELECT " SIZE " FROM qlm.gathering" \
	" WHERE " gathering " LIMIT $2) AS o"

static QlmPlan peer_subscriptions_plan = {
	COUNT("qlm.subscription WHERE peer_id = $1"),
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}
};

static QlmPlan role_subscriptions_plan = {
	COUNT("qlm.subscription WHERE peer_id = 0 AND role_id = $1"),
	3, {INT8OID, INT8OID, TIMESTAMPTZOID}
};

static QlmPlan peer_asked_plan = {
	ASKED("asker_peer_id = $1 AND asker_role IS NOT NULL", "peer_id = $1"),
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}
};

static QlmPlan role_asked_plan = {
	ASKED("asker_peer_id = 0 AND asker_role IS NOT NULL AND asker_role_id = $1",
		  "peer_id = 0 AND role_id = $1"),
	3, {INT8OID, INT8OID, TIMESTAMPTZOID}
};

static QlmPlan waiting_plan = {
	SUM "(SELECT " SIZE " FROM qlm.outbox WHERE peer_id = $1 AND url IS NULL"
	IS_WAITING " AND expires_at > $3 LIMIT $2) AS o",
	3, {INT4OID, INT8OID, TIMESTAMPTZOID}
};

static int
room(QlmPlan *plan, Datum whose, int limit)
{
	Datum		values[3];
	int64		n;
	bool		isnull;

	if (limit == 0)
		return INT_MAX;
	values[0] = whose;
	values[1] = Int64GetDatum(limit);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	qlm_plan_execute_as_owner(plan, values, NULL);
	n = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return (int) Max(limit - n, INT_MIN);
}

int
qlm_quota_subscriptions(int peer_id, Oid role, int limit)
{
	return peer_id ? room(&peer_subscriptions_plan, Int32GetDatum(peer_id),
						  limit) :
		room(&role_subscriptions_plan, Int64GetDatum(qlm_role_number(role)), limit);
}

int
qlm_quota_asked(int peer_id, Oid role)
{
	return peer_id ? room(&peer_asked_plan, Int32GetDatum(peer_id), qlm_max_queued) :
		room(&role_asked_plan, Int64GetDatum(qlm_role_number(role)), qlm_max_queued);
}

int
qlm_quota_waiting(int peer_id)
{
	return room(&waiting_plan, Int32GetDatum(peer_id), qlm_max_queued);
}

static uint64
caller_key(int peer_id, Oid role)
{
	return peer_id ? (uint64) peer_id << 32 : (uint64) role;
}

static Left *
find_left(int peer_id, Oid role)
{
	static HTAB *callers = NULL;
	HASHCTL		control = {0};
	uint64		key = caller_key(peer_id, role);
	Left	   *left;
	bool		found;

	if (callers && hash_get_num_entries(callers) >= MAX_CALLERS)
	{
		hash_destroy(callers);
		callers = NULL;
	}
	if (callers == NULL)
	{
		control.keysize = sizeof(uint64);
		control.entrysize = sizeof(Left);
		callers = hash_create("qlm event quotas", 64, &control, HASH_ELEM | HASH_BLOBS);
	}
	left = hash_search(callers, &key, HASH_ENTER, &found);
	if (!found)
		left->counted_at = 0;
	return left;
}

/*
 * Others use the rest at the same time, so it is counted again when half is
 * used.
 */
static bool
must_count(const Left *left)
{
	TimestampTz now = GetCurrentTimestamp();

	return left->counted_at == 0 || left->limit != qlm_max_queued ||
		now < left->counted_at ||
		TimestampDifferenceExceeds(left->counted_at, now, COUNT_MS) ||
		(left->left > 0 && left->left < left->counted / 2 &&
		 TimestampDifferenceExceeds(left->counted_at, now, COUNT_PAUSE_MS));
}

bool
qlm_quota_take_event(int peer_id, Oid role)
{
	Left	   *left;

	if (qlm_max_queued == 0)
		return true;
	left = find_left(peer_id, role);
	if (must_count(left))
	{
		left->counted = left->left = qlm_quota_asked(peer_id, role);
		left->counted_at = GetCurrentTimestamp();
		left->limit = qlm_max_queued;
	}
	if (left->left <= 0)
		return false;
	left->left--;
	return true;
}
