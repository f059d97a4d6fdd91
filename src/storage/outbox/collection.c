/*
 * collection.c
 *		Collections: answers that go to a callback once all outbox rows that
 *		they wait for have ended.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "process/wake_key.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/collection.h"
#include "storage/outbox/outbox.h"
#include "storage/role/role.h"

static QlmPlan add_plan = {
	"INSERT INTO qlm.gathering (request_id, peer, callback, envelope, dialect, ttl,"
	" role, peer_id, role_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	9, {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, NAMEOID, INT4OID, INT8OID}
};

static QlmPlan complete_plan = {
	"SELECT request_id, peer, callback, envelope, dialect, ttl, role::pg_catalog.text, peer_id, role_id"
	" FROM " QLM_COLLECTION_COMPLETE
	" ORDER BY request_id LIMIT $2 FOR UPDATE SKIP LOCKED",
	2, {TIMESTAMPTZOID, INT8OID}
};

static QlmPlan end_plan = {
	"DELETE FROM qlm.gathering WHERE request_id = $1",
	1, {INT8OID}
};

void
qlm_collection_add(const QlmCollection *collection)
{
	Name		role = palloc0(sizeof(NameData));
	Datum		values[9];
	char		nulls[] = "         ";
	QlmRights	saved;

	qlm_outbox_check_url(collection->callback);
	values[0] = Int64GetDatum(collection->request_id);
	values[1] = collection->peer ? CStringGetTextDatum(collection->peer) : (Datum) 0;
	nulls[1] = collection->peer ? ' ' : 'n';
	values[2] = CStringGetTextDatum(collection->callback);
	values[3] = CStringGetTextDatum(collection->envelope);
	values[4] = CStringGetTextDatum(collection->dialect);
	values[5] = Float8GetDatum(collection->ttl);
	namestrcpy(role, qlm_role_name(collection->role));
	values[6] = NameGetDatum(role);
	values[7] = Int32GetDatum(collection->peer_id);
	values[8] = Int64GetDatum(qlm_role_number(collection->role));
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&add_plan, values, nulls, 0);
	qlm_rights_restore(&saved);
	qlm_wake_pending |= QLM_WAKE_OUTBOX;
}

static QlmCollection *
read_collection(uint64 row)
{
	QlmCollection *collection = palloc0(sizeof(QlmCollection));
	bool		isnull;

	collection->request_id = DatumGetInt64(qlm_spi_datum(row, 1, &isnull));
	collection->peer = qlm_spi_text(row, 2);
	collection->callback = qlm_spi_text(row, 3);
	collection->envelope = qlm_spi_text(row, 4);
	collection->dialect = qlm_spi_text(row, 5);
	collection->ttl = DatumGetFloat8(qlm_spi_datum(row, 6, &isnull));
	collection->role = qlm_role_of(DatumGetInt64(qlm_spi_datum(row, 9, &isnull)),
								   qlm_spi_text(row, 7));
	collection->peer_id = DatumGetInt32(qlm_spi_datum(row, 8, &isnull));
	return collection;
}

List *
qlm_collection_complete(int max)
{
	List	   *complete = NIL;
	Datum		values[2];

	values[0] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[1] = Int64GetDatum(max);
	qlm_plan_execute_as_owner(&complete_plan, values, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
		complete = lappend(complete, read_collection(row));
	SPI_freetuptable(SPI_tuptable);
	return complete;
}

void
qlm_collection_end(int64 request_id)
{
	Datum		values[1] = {Int64GetDatum(request_id)};

	qlm_plan_execute_as_owner(&end_plan, values, NULL);
}
