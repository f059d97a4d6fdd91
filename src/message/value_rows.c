/*
 * value_rows.c
 *		Builds trees from rows, and rows from trees.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "base/excerpt.h"
#include "base/limits.h"
#include "base/path.h"
#include "message/value_rows.h"

/* The node of a path; each spelling of the path has an entry */
typedef struct RowEntry
{
	const char *path;
	QlmObject  *object;			/* either may be NULL */
	QlmInfoItem *item;
	bool		leaf;			/* it was requested as an Object */
	char		status;
} RowEntry;

#define SH_PREFIX row_map
#define SH_ELEMENT_TYPE RowEntry
#define SH_KEY_TYPE const char *
#define SH_KEY path
#define SH_HASH_KEY(table, key) \
	hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_RAW_ALLOCATOR palloc0
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct QlmRowTree
{
	QlmOdf	   *odf;
	QlmRowsUse	use;
	bool		everything;		/* all Objects are requested */
	int			nrows;
	row_map_hash *map;
	const char *last_path;		/* most rows have the path of the one before */
	QlmInfoItem *last_item;
};

QlmRowTree *
qlm_row_tree_create(QlmRowsUse use)
{
	QlmRowTree *tree = palloc0(sizeof(QlmRowTree));

	tree->odf = qlm_odf_create();
	tree->use = use;
	tree->map = row_map_create(64, NULL);
	return tree;
}

/* Returns the entry of a path, which is copied if it is new. */
static RowEntry *
enter(QlmRowTree *tree, const char *path)
{
	RowEntry   *entry = row_map_lookup(tree->map, path);
	bool		found;

	if (entry != NULL)
		return entry;
	entry = row_map_insert(tree->map, pstrdup(path), &found);
	entry->object = NULL;
	entry->item = NULL;
	entry->leaf = false;
	return entry;
}

/* Returns the Object of the first n ids, which is created if it is missing. */
static QlmObject *
enter_object(QlmRowTree *tree, char **ids, int n, StringInfo path)
{
	QlmObject  *object = &tree->odf->root;

	resetStringInfo(path);
	for (int i = 0; i < n; i++)
	{
		RowEntry   *entry;

		qlm_path_append(path, ids[i]);
		entry = enter(tree, path->data);
		if (entry->object == NULL)
			entry->object = qlm_odf_add_object(tree->odf, object, ids[i]);
		object = entry->object;
	}
	return object;
}

static QlmInfoItem *
enter_item(QlmRowTree *tree, char **ids, int n, StringInfo path)
{
	QlmObject  *parent = enter_object(tree, ids, n - 1, path);
	RowEntry   *entry;

	qlm_path_append(path, ids[n - 1]);
	entry = enter(tree, path->data);
	if (entry->item == NULL)
		entry->item = qlm_odf_add_item(tree->odf, parent, ids[n - 1]);
	return entry->item;
}

/*
 * Adds an Object that means all below it, whatever else is requested below it.
 */
static void
enter_leaf(QlmRowTree *tree, char **ids, int n, StringInfo path)
{
	QlmObject  *parent = enter_object(tree, ids, n - 1, path);
	RowEntry   *entry;

	qlm_path_append(path, ids[n - 1]);
	entry = enter(tree, path->data);
	if (!entry->leaf)
		qlm_odf_add_object(tree->odf, parent, ids[n - 1]);
	entry->leaf = true;
}

static bool
refuse(int *error_code, const char **error, int code, const char *sentence)
{
	*error_code = code;
	*error = sentence;
	return false;
}

/* Sets the InfoItem for a new spelling of a path, or NULL for an Object. */
static bool
find_item(QlmRowTree *tree, const QlmRow *row, QlmInfoItem **item,
		  int *error_code, const char **error)
{
	RowEntry   *entry = row_map_lookup(tree->map, row->path);
	char	  **ids;
	int			n;
	StringInfoData path;
	const char *wrong;

	*item = entry != NULL ? entry->item : NULL;
	if (*item != NULL)
		return true;
	n = qlm_path_split(row->path, &ids, &wrong);
	if (n < 0)
		return refuse(error_code, error, 400,
					  psprintf("\"%s\" is not a path: %s", qlm_excerpt(row->path, -1), wrong));
	if (n < 2 && row->value != NULL && tree->use == QLM_ROWS_DATA)
		return refuse(error_code, error, 400,
					  psprintf("\"%s\" is not a path of an InfoItem: it needs an Object and a name, as in Fridge/temperature",
							   qlm_excerpt(row->path, -1)));
	initStringInfo(&path);
	tree->everything |= n == 0;
	if (n > 0 && tree->use != QLM_ROWS_DATA)
		enter_leaf(tree, ids, n, &path);
	else if (n == 1)
		enter_object(tree, ids, n, &path);
	if (n >= 2)
	{
		*item = enter_item(tree, ids, n, &path);
		enter(tree, row->path)->item = *item;
	}
	pfree(path.data);
	return true;
}

bool
qlm_row_tree_add(QlmRowTree *tree, const QlmRow *row, int *error_code,
				 const char **error)
{
	QlmInfoItem *item = tree->last_item;
	QlmValue   *value;

	if (++tree->nrows > qlm_max_values)
		return refuse(error_code, error, 413,
					  psprintf("The payload has more than %d rows",
							   qlm_max_values));
	if (tree->use == QLM_ROWS_ONLY_PATHS && (row->has_ts || row->len > 0))
		return refuse(error_code, error, 400,
					  psprintf("The row of \"%s\" has a %s, but a delete takes paths alone: O-DF and JSON name single values",
							   qlm_excerpt(row->path, -1), row->has_ts ? "time" : "value"));
	if (item == NULL || strcmp(row->path, tree->last_path) != 0)
	{
		if (!find_item(tree, row, &item, error_code, error))
			return false;
		tree->last_item = item;
		tree->last_path = item ? enter(tree, row->path)->path : NULL;
	}
	if (tree->use != QLM_ROWS_DATA)
		return true;
	if (row->value == NULL)
	{
		if (item != NULL)
			item->nempty++;
		else
			tree->odf->nempty++;
		return true;
	}
	value = qlm_odf_add_value(tree->odf, item, row->value, row->len);
	value->has_ts = row->has_ts;
	value->ts = row->ts;
	if (row->has_ts)
		tree->odf->latest = Max(tree->odf->latest, row->ts);
	if (row->type != NULL && strcmp(row->type, "xs:string") != 0)
		value->type = row->type;
	return true;
}

bool
qlm_row_tree_is_empty(const QlmRowTree *tree)
{
	return tree->nrows == 0;
}

QlmOdf *
qlm_row_tree_finish(QlmRowTree *tree)
{
	QlmOdf	   *odf = tree->everything && tree->use != QLM_ROWS_DATA ?
		qlm_odf_create() : tree->odf;

	row_map_destroy(tree->map);
	pfree(tree);
	return odf;
}

static void
visit_item(const QlmInfoItem *item, const char *path, QlmRowVisitor visit,
		   void *arg)
{
	QlmRow		row = {path};

	if (item->values == NULL)
		visit(&row, arg);
	for (const QlmValue *value = item->values; value; value = value->next)
	{
		row.has_ts = value->has_ts;
		row.ts = value->ts;
		row.value = value->text;
		row.len = value->len;
		row.type = value->type;
		visit(&row, arg);
	}
}

static void
visit_object(const QlmObject *object, StringInfo path, QlmRowVisitor visit,
			 void *arg)
{
	int			len = path->len;
	QlmRow		row = {path->data};

	if (object->items == NULL && object->objects == NULL && len > 0)
		visit(&row, arg);
	for (const QlmInfoItem *item = object->items; item; item = item->next)
	{
		qlm_path_append(path, item->name);
		visit_item(item, path->data, visit, arg);
		path->len = len;
		path->data[len] = '\0';
	}
	for (const QlmObject *child = object->objects; child; child = child->next)
	{
		qlm_path_append(path, child->ids->text);
		visit_object(child, path, visit, arg);
		path->len = len;
		path->data[len] = '\0';
	}
}

void
qlm_rows_visit(const QlmOdf *odf, QlmRowVisitor visit, void *arg)
{
	StringInfoData path;

	initStringInfo(&path);
	visit_object(&odf->root, &path, visit, arg);
	pfree(path.data);
}
