/*
 * sequence.c
 *		Sequences, if rows came with numbers of another node.
 *
 * Logical replication copies rows but not sequences.  While it runs, the other
 * node gives the numbers.  Afterwards the sequences here have to be advanced.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"

#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/replica/sequence.h"

PG_FUNCTION_INFO_V1(qlm_sql_advance_sequences);

/* Found by a unique constraint on their table */
typedef struct Numbers
{
	const char *constraint;		/* NULL: none, or of another number */
	const char *sequence;
	const char *last;			/* query for the largest number in use */
} Numbers;

/*
 * The number of a dropped peer stays in other tables as long as its rows are
 * kept.  Those in qlm.value could only be found by reading all values, hence
 * the gap.
 */
#define OF_PEERS(column, table) " UNION ALL SELECT pg_catalog.max(" column ") FROM qlm." table
#define PEER_GAP 1000

static const Numbers numbers[] = {
	{"object_pkey", "object_seq", "SELECT pg_catalog.max(object_id) FROM qlm.object"},
	{"info_item_pkey", "info_item_seq", "SELECT pg_catalog.max(info_item_id) FROM qlm.info_item"},
	{"peer_pkey", "peer_seq", "SELECT pg_catalog.max(n) + " CppAsString2(PEER_GAP)
	" FROM (SELECT pg_catalog.max(peer_id) FROM qlm.peer"
	OF_PEERS("peer_id", "outbox") OF_PEERS("asker_peer_id", "outbox")
	OF_PEERS("peer_id", "subscription") OF_PEERS("peer_id", "gathering")
	OF_PEERS("peer_id", "forwarding") OF_PEERS("peer_id", "executed") ") AS p(n) WHERE n > 0"},
	{NULL, "outbox_seq", "SELECT pg_catalog.max(seq) FROM qlm.outbox"},
	{"subscription_value_pkey", "subscription_value_seq",
		"SELECT GREATEST((SELECT pg_catalog.max(seq) FROM qlm.subscription_value),"
	" (SELECT pg_catalog.max(seq) FROM qlm.forwarded_result))"},
	{"forwarded_result_pkey", "subscription_value_seq", NULL},
	{"journal_pkey", "journal_seq", "SELECT pg_catalog.max(journal_no) FROM qlm.journal"}
};

static const Numbers *
numbers_of(const ErrorData *error)
{
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION ||
		error->schema_name == NULL || strcmp(error->schema_name, "qlm") != 0 ||
		error->constraint_name == NULL)
		return NULL;
	for (int i = 0; i < lengthof(numbers); i++)
		if (numbers[i].constraint != NULL &&
			strcmp(numbers[i].constraint, error->constraint_name) == 0)
			return &numbers[i];
	return NULL;
}

bool
qlm_sequence_is_behind(const ErrorData *error)
{
	return numbers_of(error) != NULL;
}

void
qlm_sequence_raise(const ErrorData *error)
{
	const Numbers *of = numbers_of(error);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("qlm.%s is behind numbers that are in use", of->sequence),
			 error->detail ? errdetail("%s", error->detail) : 0,
			 errhint("%s", QLM_ADVANCE_SEQUENCES)));
}

static int64
number_in(uint64 row, bool *isnull)
{
	int64		number = 0;
	Datum		datum = qlm_spi_datum(row, 1, isnull);

	if (!*isnull)
		number = DatumGetInt64(datum);
	SPI_freetuptable(SPI_tuptable);
	return number;
}

/* Returns the largest number in use and the last one given; 0: none */
static void
look(const Numbers *of, int64 *largest, int64 *given)
{
	bool		isnull;

	qlm_plan_execute_once(psprintf("SELECT n::pg_catalog.int8 FROM (%s) AS x(n)", of->last),
						  0, InvalidSnapshot);
	*largest = number_in(0, &isnull);
	qlm_plan_execute_once(psprintf("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM qlm.%s",
								   of->sequence), 0, InvalidSnapshot);
	*given = number_in(0, &isnull);
}

/*
 * Advances a sequence while nobody can take a number.  Returns whether it was
 * changed.
 */
static bool
advance(const Numbers *of, int64 *largest, int64 *given)
{
	RangeVar   *name = makeRangeVar(pstrdup("qlm"), pstrdup(of->sequence), -1);
	Oid			relid = RangeVarGetRelid(name, ShareRowExclusiveLock, false);

	look(of, largest, given);
	if (strcmp(of->sequence, "peer_seq") == 0 && *largest - PEER_GAP <= *given)
		return false;
	if (*largest <= *given)
		return false;
	qlm_plan_execute_once(psprintf("SELECT pg_catalog.setval(%u::pg_catalog.regclass, " INT64_FORMAT ")",
								   relid, *largest), 0, InvalidSnapshot);
	SPI_freetuptable(SPI_tuptable);
	return true;
}

/*
 * qlm_advance_sequences() returns setof (sequence text, before bigint, after
 * bigint): the sequences that were advanced
 */
Datum
qlm_sql_advance_sequences(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	QlmRights	saved;

	InitMaterializedSRF(fcinfo, 0);
	qlm_storage_begin();
	qlm_rights_become_owner(&saved);
	for (int i = 0; i < lengthof(numbers); i++)
	{
		int64		largest;
		int64		given;

		if (numbers[i].last != NULL && advance(&numbers[i], &largest, &given))
		{
			Datum		values[3];
			bool		nulls[3] = {false, false, false};

			values[0] = CStringGetTextDatum(psprintf("qlm.%s", numbers[i].sequence));
			values[1] = Int64GetDatum(given);
			values[2] = Int64GetDatum(largest);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	qlm_rights_restore(&saved);
	qlm_storage_end();
	return (Datum) 0;
}
