/*
 * delete_part.c
 *		Deletes parts of Objects and InfoItems: single MetaData, values,
 *		descriptions, further ids and other names.
 *
 * The parts of one kind are looked up, deleted and looked up again as the
 * current user.  Those that are still there may not be deleted by the user.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/number.h"
#include "base/path.h"
#include "storage/core/array.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/select/delete_part.h"
#include "storage/select/node_row.h"
#include "storage/select/wanted_tree.h"

typedef enum PartKind
{
	PART_META_DATA,
	PART_ITEM_DESCRIPTION,
	PART_OBJECT_DESCRIPTION,
	PART_NAME,
	PART_ID,
	PART_VALUE,
	NPARTKINDS
} PartKind;

typedef struct Part
{
	PartKind	kind;
	const void *node;			/* the Object or InfoItem */
	const char *name;			/* the name or language; NULL: all */
	const char *text;			/* NULL: any text */
	TimestampTz ts;
	QlmWanted  *wanted;
	bool		is_found;
} Part;

struct QlmDeleteParts
{
	Part	   *parts;			/* in the order of the request */
	int			n;
	int			capacity;
	int			next;			/* number of the next part */
};

/*
 * The parameters of each plan are the parts of one kind: nodes, names, texts
 * and times.
 */
#define PARTS \
	"ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)," \
	" pg_catalog.unnest($4)) WITH ORDINALITY e(id, name, text, ts, n)"
#define PART_ARGS \
	4, {INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, QLM_PLAN_GENERIC

/* The names of each node together */
#define NAMES_OF_NODES \
	"(SELECT e.id, pg_catalog.bool_or(e.name IS NULL) AS is_all," \
	" pg_catalog.array_agg(e.name) AS names FROM " PARTS " GROUP BY e.id) k"

#define HAS_DESCRIPTION(description) \
	" AND CASE WHEN e.name IS NULL THEN COALESCE(" description ", '{}') <> '{}'" \
	" ELSE " description " ? e.name AND (e.text IS NULL OR e.text =" \
	" COALESCE(" description "->e.name->>'text', " description "->>e.name)) END"

#define WITHOUT_DESCRIPTIONS(description) \
	"CASE WHEN NOT k.is_all THEN NULLIF(" description " - k.names, '{}') END"

/* alt_names may hold any JSON. */
#define NAMES_OF_ITEM \
	"pg_catalog.jsonb_array_elements(CASE pg_catalog.jsonb_typeof(i.alt_names)" \
	" WHEN 'array' THEN i.alt_names ELSE '[]' END)"
#define NAME_OF(doc) "COALESCE(" doc "->>'id', " doc "#>>'{}')"

/* Returns the number of each part that exists, for values with the value. */
static QlmPlan find_plans[NPARTKINDS] = {
	[PART_META_DATA] = {
		"SELECT e.n FROM " PARTS " JOIN qlm.meta_data m ON m.info_item_id = e.id"
		" AND (e.name IS NULL OR m.name = e.name)", PART_ARGS
	},
	[PART_ITEM_DESCRIPTION] = {
		"SELECT e.n FROM " PARTS " JOIN qlm.info_item i ON i.info_item_id = e.id"
		HAS_DESCRIPTION("i.description"), PART_ARGS
	},
	[PART_OBJECT_DESCRIPTION] = {
		"SELECT e.n FROM " PARTS " JOIN qlm.object o ON o.object_id = e.id"
		HAS_DESCRIPTION("o.description"), PART_ARGS
	},
	[PART_NAME] = {
		"SELECT e.n FROM " PARTS " JOIN qlm.info_item i ON i.info_item_id = e.id"
		" AND EXISTS (SELECT FROM " NAMES_OF_ITEM " a(doc)"
		" WHERE " NAME_OF("a.doc") " = e.name)", PART_ARGS
	},
	[PART_ID] = {
		"SELECT e.n FROM " PARTS " JOIN qlm.object_id d ON d.object_id = e.id"
		" AND d.id = e.name", PART_ARGS
	},
	[PART_VALUE] = {
		"SELECT e.n, v.txt, v.num FROM " PARTS " JOIN qlm.value v"
		" ON v.info_item_id = e.id AND v.ts = e.ts", PART_ARGS
	},
};

static QlmPlan delete_plans[NPARTKINDS] = {
	[PART_META_DATA] = {
		"DELETE FROM qlm.meta_data m USING " PARTS " WHERE m.info_item_id = e.id"
		" AND (e.name IS NULL OR m.name = e.name)", PART_ARGS
	},
	[PART_ITEM_DESCRIPTION] = {
		"UPDATE qlm.info_item i SET description = "
		WITHOUT_DESCRIPTIONS("i.description") " FROM " NAMES_OF_NODES
		" WHERE i.info_item_id = k.id", PART_ARGS
	},
	[PART_OBJECT_DESCRIPTION] = {
		"UPDATE qlm.object o SET description = "
		WITHOUT_DESCRIPTIONS("o.description") " FROM " NAMES_OF_NODES
		" WHERE o.object_id = k.id", PART_ARGS
	},
	[PART_NAME] = {
		"UPDATE qlm.info_item i SET alt_names ="
		" (SELECT pg_catalog.jsonb_agg(a.doc ORDER BY a.n) FROM " NAMES_OF_ITEM
		" WITH ORDINALITY a(doc, n) WHERE " NAME_OF("a.doc") " <> ALL (k.names))"
		" FROM " NAMES_OF_NODES " WHERE i.info_item_id = k.id", PART_ARGS
	},
	[PART_ID] = {
		"DELETE FROM qlm.object_id d USING " PARTS " WHERE d.object_id = e.id"
		" AND d.id = e.name", PART_ARGS
	},
	[PART_VALUE] = {
		"DELETE FROM qlm.value v USING " PARTS " WHERE v.info_item_id = e.id"
		" AND v.ts = e.ts", PART_ARGS
	},
};

/*
 * A description is part of its node: only a user that may change the node may
 * delete it.
 */
static QlmPlan may_change_plans[NPARTKINDS] = {
	[PART_META_DATA] = {
		"SELECT (SELECT pg_catalog.count(*) FROM (SELECT FROM qlm.info_item i"
		" WHERE i.info_item_id = ANY ($1) FOR NO KEY UPDATE) x) ="
		" (SELECT pg_catalog.count(DISTINCT e) FROM pg_catalog.unnest($1) e)",
		1, {INT4ARRAYOID}, QLM_PLAN_GENERIC
	},
	[PART_ID] = {
		"SELECT (SELECT pg_catalog.count(*) FROM (SELECT FROM qlm.object o"
		" WHERE o.object_id = ANY ($1) FOR NO KEY UPDATE) x) ="
		" (SELECT pg_catalog.count(DISTINCT e) FROM pg_catalog.unnest($1) e)",
		1, {INT4ARRAYOID}, QLM_PLAN_GENERIC
	},
};

/* The deleted values no longer wait to be polled. */
static QlmPlan delete_waiting_plan = {
	"DELETE FROM qlm.subscription_value s USING " PARTS
	" WHERE s.info_item_id = e.id AND s.ts = e.ts AND NOT EXISTS"
	" (SELECT FROM qlm.value v WHERE v.info_item_id = s.info_item_id AND v.ts = s.ts)",
	PART_ARGS
};

static Part *
add_part(QlmDeleteParts *parts, PartKind kind, const void *node, const char *name)
{
	Part	   *part;

	if (parts->n == parts->capacity)
	{
		parts->capacity = Max(parts->capacity * 2, 16);
		parts->parts = parts->parts == NULL ?
			palloc(parts->capacity * sizeof(Part)) :
			repalloc_huge(parts->parts, parts->capacity * sizeof(Part));
	}
	part = &parts->parts[parts->n++];
	memset(part, 0, sizeof(Part));
	part->kind = kind;
	part->node = node;
	part->name = name;
	return part;
}

/* A description without language and text stands for all of them. */
static void
add_descriptions(QlmDeleteParts *parts, PartKind kind, const void *node,
				 const QlmDescription *description)
{
	for (; description != NULL; description = description->next)
	{
		bool		has_text = description->text[0] != '\0';
		const char *language = description->lang ? description->lang :
			has_text ? "" : NULL;

		add_part(parts, kind, node, language)->text =
			has_text ? description->text : NULL;
	}
}

static void
add_item_parts(QlmDeleteParts *parts, const QlmInfoItem *item)
{
	for (const QlmId *name = item->alt_names; name; name = name->next)
		add_part(parts, PART_NAME, item, name->text);
	add_descriptions(parts, PART_ITEM_DESCRIPTION, item, item->descriptions);
	if (item->has_meta_data && item->meta_data == NULL)
		add_part(parts, PART_META_DATA, item, NULL);
	for (const QlmInfoItem *m = item->meta_data; m; m = m->next)
		add_part(parts, PART_META_DATA, item, m->name);
	for (const QlmValue *value = item->values; value; value = value->next)
	{
		Part	   *part = add_part(parts, PART_VALUE, item, NULL);

		part->ts = value->ts;
		part->text = value->len > 0 ? value->text : NULL;
	}
}

static void
collect_in_object(QlmDeleteParts *parts, const QlmObject *object)
{
	check_stack_depth();
	for (const QlmInfoItem *item = object->items; item; item = item->next)
		add_item_parts(parts, item);
	for (const QlmObject *child = object->objects; child; child = child->next)
	{
		for (const QlmId *id = child->ids->next; id; id = id->next)
			add_part(parts, PART_ID, child, id->text);
		add_descriptions(parts, PART_OBJECT_DESCRIPTION, child,
						 child->descriptions);
		collect_in_object(parts, child);
	}
}

QlmDeleteParts *
qlm_delete_parts_collect(const QlmOdf *request)
{
	QlmDeleteParts *parts = palloc0(sizeof(QlmDeleteParts));

	collect_in_object(parts, &request->root);
	return parts;
}

static void
check_name(const Part *part, const QlmWanted *wanted)
{
	if ((part->kind == PART_ID || part->kind == PART_NAME) &&
		strcmp(part->name, wanted->name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is the first name of \"%s\", which cannot be deleted: qlm_rename changes it",
						part->name, wanted->path)));
}

/*
 * The node exists under this path: adds the parts of it that the request
 * names.
 */
static void
find_node(QlmDeleteParts *parts, QlmWantedTree *tree, const void *node,
		  const StringInfoData *path, bool is_item, bool is_leaf,
		  const char *type)
{
	QlmWanted  *wanted = qlm_wanted_find(tree, path->data, is_item);
	const QlmNodeRow *row = wanted->row;
	int			first = parts->next;

	if (is_leaf && type != NULL && row != NULL &&
		(row->type == NULL || strcmp(row->type, type) != 0))
		wanted->row = NULL;
	for (; parts->next < parts->n && parts->parts[parts->next].node == node;
		 parts->next++)
	{
		parts->parts[parts->next].wanted = wanted;
		if (wanted->row != NULL)
			check_name(&parts->parts[parts->next], wanted);
	}
	if (is_leaf && parts->next == first)
		wanted->is_whole = true;
}

static void
find_in_object(QlmDeleteParts *parts, QlmWantedTree *tree, const QlmObject *object,
			   StringInfo path)
{
	int			len = path->len;

	check_stack_depth();
	for (const QlmInfoItem *item = object->items; item; item = item->next)
	{
		qlm_path_append(path, item->name);
		find_node(parts, tree, item, path, true, true, item->type);
		path->len = len;
		path->data[len] = '\0';
	}
	for (const QlmObject *child = object->objects; child; child = child->next)
	{
		qlm_path_append(path, child->ids->text);
		find_node(parts, tree, child, path, false,
				  child->items == NULL && child->objects == NULL, child->type);
		find_in_object(parts, tree, child, path);
		path->len = len;
		path->data[len] = '\0';
	}
}

void
qlm_delete_parts_find_nodes(QlmDeleteParts *parts, QlmWantedTree *tree, const QlmOdf *request)
{
	StringInfoData path;

	initStringInfo(&path);
	find_in_object(parts, tree, &request->root, &path);
	pfree(path.data);
}

/*
 * Parts of one kind: all that belong to an existing node, or those that were
 * found
 */
typedef struct Chosen
{
	Part	  **parts;
	int			n;
	bool		any;			/* one of them was seen */
} Chosen;

static Chosen
choose(QlmDeleteParts *parts, PartKind kind, bool only_found)
{
	Chosen		chosen = {palloc(Max(parts->n, 1) * sizeof(Part *))};

	for (int i = 0; i < parts->n; i++)
	{
		Part	   *part = &parts->parts[i];

		if (part->kind == kind && part->wanted->row != NULL &&
			(part->is_found || !only_found))
			chosen.parts[chosen.n++] = part;
	}
	return chosen;
}

static void
fill_params(const Chosen *chosen, Datum *params)
{
	int		   *ids = palloc(Max(chosen->n, 1) * sizeof(int));
	const char **names = palloc(Max(chosen->n, 1) * sizeof(char *));
	const char **texts = palloc(Max(chosen->n, 1) * sizeof(char *));
	TimestampTz *times = palloc(Max(chosen->n, 1) * sizeof(TimestampTz));

	for (int i = 0; i < chosen->n; i++)
	{
		ids[i] = chosen->parts[i]->wanted->row->id;
		names[i] = chosen->parts[i]->name;
		texts[i] = chosen->parts[i]->text;
		times[i] = chosen->parts[i]->ts;
	}
	params[0] = qlm_array_int4(ids, chosen->n);
	params[1] = qlm_array_text_or_null(names, chosen->n);
	params[2] = qlm_array_text_or_null(texts, chosen->n);
	params[3] = qlm_array_timestamptz(times, chosen->n);
	pfree(ids);
	pfree(names);
	pfree(texts);
	pfree(times);
}

/* Has the value the text that is given, if any? */
static bool
has_text(const Part *part, const Datum *values, const bool *nulls)
{
	StringInfoData number;
	bool		same;

	if (part->kind != PART_VALUE || part->text == NULL)
		return true;
	if (!nulls[1])
		return strcmp(TextDatumGetCString(values[1]), part->text) == 0;
	if (nulls[2])
		return false;
	initStringInfo(&number);
	qlm_double_append(&number, DatumGetFloat8(values[2]));
	same = strcmp(number.data, part->text) == 0;
	pfree(number.data);
	return same;
}

static void
note_found(void *arg, const Datum *values, const bool *nulls)
{
	Chosen	   *chosen = arg;
	Part	   *part = chosen->parts[DatumGetInt64(values[0]) - 1];

	if (!has_text(part, values, nulls))
		return;
	part->is_found = true;
	chosen->any = true;
}

static int64
execute(QlmPlan *plan, Datum *params)
{
	qlm_plan_execute_indexed(plan, params, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
	return SPI_processed;
}

static void
refuse_removal(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to delete everything that the message names")));
}

static void
check_may_change(PartKind kind, Datum *params)
{
	QlmPlan    *plan = &may_change_plans[kind];
	bool		isnull;
	bool		may;

	if (plan->sql == NULL)
		return;
	qlm_plan_execute_indexed(plan, params, NULL, 0);
	may = DatumGetBool(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (!may)
		refuse_removal();
}

/* Deletes the parts of one kind.  Returns how many rows, or parts of rows. */
static int64
delete_kind(QlmDeleteParts *parts, PartKind kind)
{
	Chosen		chosen = choose(parts, kind, false);
	Datum		params[4];
	QlmRights	saved;
	int64		removed;

	if (chosen.n == 0)
		return 0;
	fill_params(&chosen, params);
	qlm_plan_stream_indexed(&find_plans[kind], params, note_found, &chosen);
	if (!chosen.any)
		return 0;
	chosen = choose(parts, kind, true);
	fill_params(&chosen, params);
	check_may_change(kind, params);
	removed = execute(&delete_plans[kind], params);
	qlm_plan_stream_indexed(&find_plans[kind], params, note_found, &chosen);
	if (chosen.any)
		refuse_removal();
	if (kind == PART_VALUE)
	{
		qlm_rights_become_owner(&saved);
		execute(&delete_waiting_plan, params);
		qlm_rights_restore(&saved);
	}
	return kind == PART_META_DATA || kind == PART_VALUE ? removed : chosen.n;
}

/* Adds a part that does not exist to the answer. */
static void
add_missing(QlmOdf *odf, const Part *part)
{
	QlmWanted  *wanted = part->wanted;
	QlmObject  *object = qlm_wanted_missing_object(odf, wanted->is_item ?
												   wanted->parent : wanted);
	QlmInfoItem *item = NULL;
	const char *language = part->name && part->name[0] ? part->name : NULL;
	QlmId	  **ids;
	QlmDescription **descriptions;
	QlmValue   *value;

	if (wanted->is_item && wanted->item == NULL)
		wanted->item = qlm_odf_add_item(odf, object, wanted->name);
	item = wanted->item;
	ids = item ? &item->alt_names : &object->ids;
	descriptions = item ? &item->descriptions : &object->descriptions;
	switch (part->kind)
	{
		case PART_META_DATA:
			item->has_meta_data = true;
			if (part->name != NULL)
				qlm_odf_add_meta_data(odf, item, part->name);
			break;
		case PART_ITEM_DESCRIPTION:
		case PART_OBJECT_DESCRIPTION:
			while (*descriptions != NULL)
				descriptions = &(*descriptions)->next;
			qlm_odf_add_description(odf, descriptions, language,
									part->text ? part->text : "");
			break;
		case PART_NAME:
		case PART_ID:
			while (*ids != NULL)
				ids = &(*ids)->next;
			qlm_odf_add_id(odf, ids, part->name);
			break;
		case PART_VALUE:
			value = qlm_odf_add_value(odf, item, part->text ? part->text : "",
									  part->text ? strlen(part->text) : 0);
			value->has_ts = true;
			value->ts = part->ts;
			break;
		case NPARTKINDS:
			break;
	}
}

bool
qlm_delete_parts_remove(QlmDeleteParts *parts, QlmDeleted *deleted, QlmOdf **missing)
{
	bool		any = false;

	deleted->meta_data = delete_kind(parts, PART_META_DATA);
	deleted->descriptions = delete_kind(parts, PART_ITEM_DESCRIPTION) +
		delete_kind(parts, PART_OBJECT_DESCRIPTION);
	deleted->names = delete_kind(parts, PART_NAME) + delete_kind(parts, PART_ID);
	deleted->values = delete_kind(parts, PART_VALUE);
	for (int i = 0; i < parts->n; i++)
	{
		if (parts->parts[i].is_found)
			any = true;
		else if (parts->parts[i].wanted->row != NULL)
		{
			if (*missing == NULL)
				*missing = qlm_odf_create();
			add_missing(*missing, &parts->parts[i]);
		}
	}
	return any;
}
