/*
 * node_row_cache.c
 *		A cache of rows of Objects and InfoItems, for each process.
 *
 * Starting the statement that reads them costs more than everything else in a
 * read of one value.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "storage/core/acl.h"
#include "storage/core/catalog.h"
#include "storage/object/node_hash.h"
#include "storage/select/node_row.h"
#include "storage/select/node_row_cache.h"

/* Beyond this size the cache is emptied; a node takes some 300 bytes. */
#define MAX_BYTES (16 * 1024 * 1024)

/* Rows with long descriptions are not cached. */
#define MAX_ROW_BYTES 4096

typedef struct RowEntry
{
	QlmNodeHashKey key;
	QlmNodeRow *row;
	uint32		hash;
	char		status;
} RowEntry;

#define SH_PREFIX rowhash
#define SH_ELEMENT_TYPE RowEntry
#define SH_KEY_TYPE QlmNodeHashKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) qlm_node_hash_value(key)
#define SH_EQUAL(tb, a, b) qlm_node_hash_equal(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The relations whose invalidations empty the cache */
static const QlmRelation signs[] = {
	QLM_REL_OBJECT, QLM_REL_INFO_ITEM, QLM_REL_META_DATA, QLM_REL_OBJECT_SEQ
};

static MemoryContext cache_context = NULL;
static rowhash_hash *rows = NULL;
static uint64 generations[lengthof(signs)];

static bool
is_current(void)
{
	for (int i = 0; i < lengthof(signs); i++)
		if (generations[i] != qlm_catalog_generation(signs[i]))
			return false;
	return MemoryContextMemAllocated(cache_context, false) <= MAX_BYTES;
}

static void
start_anew(void)
{
	rows = NULL;
	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext,
											  "qlm node cache",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(cache_context);
	rows = rowhash_create(cache_context, 128, NULL);
	for (int i = 0; i < lengthof(signs); i++)
		generations[i] = qlm_catalog_generation(signs[i]);
}

/*
 * Invalidations are sent after the change is visible.  A row that is read
 * after they were processed is either new, or will be invalidated.
 */
bool
qlm_node_row_cache_begin(void)
{
	if (IsolationUsesXactSnapshot())
		return false;
	AcceptInvalidationMessages();
	if (!qlm_acl_may_see_all_nodes())
		return false;
	if (rows == NULL || !is_current())
		start_anew();
	return true;
}

static Jsonb *
copy_jsonb(const Jsonb *jsonb)
{
	Jsonb	   *copy;

	if (jsonb == NULL)
		return NULL;
	copy = palloc(VARSIZE(jsonb));
	memcpy(copy, jsonb, VARSIZE(jsonb));
	return copy;
}

static QlmNodeRow *
copy_row(const QlmNodeRow *row, const char *path)
{
	QlmNodeRow *copy = palloc(sizeof(QlmNodeRow));

	*copy = *row;
	copy->path = path;
	copy->name = pstrdup(row->name);
	copy->type = row->type ? pstrdup(row->type) : NULL;
	copy->description = copy_jsonb(row->description);
	copy->attributes = copy_jsonb(row->attributes);
	copy->names = copy_jsonb(row->names);
	return copy;
}

QlmNodeRow *
qlm_node_row_cache_find(const char *path, bool is_item)
{
	QlmNodeHashKey key = {path, is_item};
	RowEntry   *entry = rowhash_lookup(rows, key);

	return entry ? copy_row(entry->row, path) : NULL;
}

static Size
row_bytes(const QlmNodeRow *row)
{
	return strlen(row->path) + strlen(row->name) +
		(row->type ? strlen(row->type) : 0) +
		(row->description ? VARSIZE(row->description) : 0) +
		(row->attributes ? VARSIZE(row->attributes) : 0) +
		(row->names ? VARSIZE(row->names) : 0);
}

/*
 * Rows are not cached in a transaction that has written: its changes may be
 * rolled back, and then no invalidation is sent.
 */
void
qlm_node_row_cache_add(const QlmNodeRow *row)
{
	MemoryContext caller;
	QlmNodeRow *copy;
	QlmNodeHashKey key;
	RowEntry   *entry;
	bool		found;

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()) ||
		row_bytes(row) > MAX_ROW_BYTES)
		return;
	caller = MemoryContextSwitchTo(cache_context);
	copy = copy_row(row, pstrdup(row->path));
	MemoryContextSwitchTo(caller);
	key.path = copy->path;
	key.is_item = copy->is_item;
	entry = rowhash_insert(rows, key, &found);
	entry->row = copy;
}
