/*
 * alias.c
 *		Further ids of Objects and other names of InfoItems.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"

#include "storage/core/acl.h"
#include "storage/core/array.h"
#include "storage/core/catalog.h"
#include "storage/core/plan.h"
#include "storage/object/alias.h"

typedef struct AliasKey
{
	int			parent_id;
	bool		is_item;
	const char *name;
} AliasKey;

typedef struct AliasEntry
{
	AliasKey	key;
	const char *canonical;		/* the first id or name; NULL: not an alias */
	bool		is_ambiguous;
	uint32		hash;
	char		status;
} AliasEntry;

static inline uint32
hash_key(AliasKey key)
{
	return hash_combine(murmurhash32(key.parent_id * 2 + key.is_item),
						hash_bytes((const unsigned char *) key.name,
								   strlen(key.name)));
}

#define SH_PREFIX aliashash
#define SH_ELEMENT_TYPE AliasEntry
#define SH_KEY_TYPE AliasKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_key(key)
#define SH_EQUAL(tb, a, b) \
	((a).parent_id == (b).parent_id && (a).is_item == (b).is_item && \
	 strcmp((a).name, (b).name) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct QlmAliases
{
	aliashash_hash *entries;
	bool		is_item;		/* the running statement finds InfoItems */
	int			nfound;
};

static QlmPlan objects_plan = {
	"SELECT COALESCE(o.parent_id, 0), d.id, o.id FROM qlm.object_id d"
	" JOIN qlm.object o ON o.object_id = d.object_id"
	" WHERE d.id = ANY ($1) AND d.id <> o.id",
	1, {TEXTARRAYOID}, QLM_PLAN_GENERIC
};

static QlmPlan items_plan = {
	"SELECT i.object_id, COALESCE(e.doc->>'id', e.doc#>>'{}'), i.name"
	" FROM qlm.info_item i CROSS JOIN LATERAL pg_catalog.jsonb_array_elements("
	"CASE pg_catalog.jsonb_typeof(i.alt_names) WHEN 'array' THEN i.alt_names"
	" ELSE '[]' END) e(doc)"
	" WHERE i.object_id = ANY ($1) AND i.alt_names IS NOT NULL",
	1, {INT4ARRAYOID}, QLM_PLAN_GENERIC
};

QlmAliases *
qlm_aliases_create(void)
{
	QlmAliases *aliases = palloc0(sizeof(QlmAliases));

	aliases->entries = aliashash_create(CurrentMemoryContext, 16, NULL);
	return aliases;
}

void
qlm_aliases_add(QlmAliases *aliases, int parent_id, const char *name,
				bool is_item)
{
	AliasKey	key = {parent_id, is_item, name};
	bool		found;
	AliasEntry *entry = aliashash_insert(aliases->entries, key, &found);

	if (!found)
	{
		entry->canonical = NULL;
		entry->is_ambiguous = false;
	}
}

static void
keep_alias(void *arg, const Datum *values, const bool *nulls)
{
	QlmAliases *aliases = arg;
	AliasKey	key = {DatumGetInt32(values[0]), aliases->is_item};
	AliasEntry *entry;
	char	   *name;
	char	   *canonical;

	if (nulls[1])
		return;
	key.name = name = TextDatumGetCString(values[1]);
	entry = aliashash_lookup(aliases->entries, key);
	pfree(name);
	if (entry == NULL || entry->is_ambiguous)
		return;
	canonical = TextDatumGetCString(values[2]);
	if (entry->canonical == NULL)
	{
		entry->canonical = canonical;
		aliases->nfound++;
	}
	else if (strcmp(entry->canonical, canonical) != 0)
	{
		entry->canonical = NULL;
		entry->is_ambiguous = true;
		aliases->nfound--;
	}
}

static void
find_objects(QlmAliases *aliases)
{
	const char **names = palloc(aliases->entries->members * sizeof(char *));
	aliashash_iterator iterator;
	AliasEntry *entry;
	int			n = 0;
	Datum		param;

	aliashash_start_iterate(aliases->entries, &iterator);
	while ((entry = aliashash_iterate(aliases->entries, &iterator)) != NULL)
		if (!entry->key.is_item)
			names[n++] = entry->key.name;
	if (n > 0)
	{
		param = qlm_array_text(names, n);
		aliases->is_item = false;
		qlm_plan_stream_indexed(&objects_plan, &param, keep_alias, aliases);
	}
	pfree(names);
}

static int
compare_ints(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return x < y ? -1 : x > y;
}

static void
find_items(QlmAliases *aliases)
{
	int		   *parents = palloc(aliases->entries->members * sizeof(int));
	aliashash_iterator iterator;
	AliasEntry *entry;
	int			n = 0;
	int			ndifferent = 0;
	Datum		param;

	aliashash_start_iterate(aliases->entries, &iterator);
	while ((entry = aliashash_iterate(aliases->entries, &iterator)) != NULL)
		if (entry->key.is_item)
			parents[n++] = entry->key.parent_id;
	qsort(parents, n, sizeof(int), compare_ints);
	for (int i = 0; i < n; i++)
		if (i == 0 || parents[i] != parents[ndifferent - 1])
			parents[ndifferent++] = parents[i];
	if (n > 0)
	{
		param = qlm_array_int4(parents, ndifferent);
		aliases->is_item = true;
		qlm_plan_stream_indexed(&items_plan, &param, keep_alias, aliases);
	}
	pfree(parents);
}

/* A caller that may not read further ids finds none. */
int
qlm_aliases_find(QlmAliases *aliases)
{
	aliases->nfound = 0;
	if (aliases->entries->members == 0)
		return 0;
	if (qlm_acl_may_select(QLM_REL_OBJECT_ID) &&
		qlm_acl_may_select(QLM_REL_OBJECT))
		find_objects(aliases);
	if (qlm_acl_may_select(QLM_REL_INFO_ITEM))
		find_items(aliases);
	return aliases->nfound;
}

const char *
qlm_aliases_canonical(const QlmAliases *aliases, int parent_id,
					  const char *name, bool is_item)
{
	AliasKey	key = {parent_id, is_item, name};
	AliasEntry *entry = aliashash_lookup(aliases->entries, key);

	return entry ? entry->canonical : NULL;
}

static void
remove_id(QlmId **list, const char *text)
{
	while (*list != NULL)
	{
		if (strcmp((*list)->text, text) == 0)
			*list = (*list)->next;
		else
			list = &(*list)->next;
	}
}

void
qlm_alias_rename_object(QlmObject *object, const char *id)
{
	QlmId	   *first = palloc0(sizeof(QlmId));

	for (const QlmId *given = object->ids; given; given = given->next)
		if (strcmp(given->text, id) == 0)
			*first = *given;
	remove_id(&object->ids, id);
	first->text = pstrdup(id);
	first->next = object->ids;
	object->ids = first;
}

void
qlm_alias_rename_item(QlmInfoItem *item, const char *name)
{
	remove_id(&item->alt_names, name);
	item->name = pstrdup(name);
}
