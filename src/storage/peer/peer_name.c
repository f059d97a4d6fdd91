/*
 * peer_name.c
 *		Names of peers for views, looked up once for each peer and query.
 *
 * As a join the peer would slow down queries that do not ask for it: the
 * planner removes the join, but still reads peer_id of each value, which is
 * not in the index on numbers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "storage/core/plan.h"

typedef struct NameEntry
{
	int32		peer_id;
	text	   *name;			/* NULL: the peer does not exist */
	char		status;
} NameEntry;

#define SH_PREFIX namehash
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE int32
#define SH_KEY peer_id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * Sees what the query sees, with the rights of its user.  The function has no
 * SET search_path, which would cost more than all else for each row.
 */
static QlmPlan name_plan = {
	"SELECT name FROM qlm.peer WHERE peer_id OPERATOR(pg_catalog.=) $1",
	1, {INT4OID}, .as_active = true
};

static text *
find_name(int32 peer_id, MemoryContext context)
{
	Datum		values[1] = {Int32GetDatum(peer_id)};
	text	   *name = NULL;
	MemoryContext caller;

	qlm_storage_begin();
	qlm_plan_execute(&name_plan, values, NULL, 1);
	caller = MemoryContextSwitchTo(context);
	if (SPI_processed > 0)
		name = cstring_to_text(qlm_spi_text(0, 1));
	MemoryContextSwitchTo(caller);
	qlm_storage_end();
	return name;
}

PG_FUNCTION_INFO_V1(qlm_sql_peer_name);

/*
 * qlm.peer_name(peer_id int) returns text, or null if the peer does not exist
 */
Datum
qlm_sql_peer_name(PG_FUNCTION_ARGS)
{
	FmgrInfo   *info = fcinfo->flinfo;
	int32		peer_id = PG_GETARG_INT32(0);
	NameEntry  *entry;

	if (info->fn_extra == NULL)
		info->fn_extra = namehash_create(info->fn_mcxt, 8, NULL);
	entry = namehash_lookup(info->fn_extra, peer_id);
	if (entry == NULL)
	{
		text	   *name = find_name(peer_id, info->fn_mcxt);
		bool		found;

		entry = namehash_insert(info->fn_extra, peer_id, &found);
		entry->name = name;
	}
	if (entry->name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(entry->name);
}
