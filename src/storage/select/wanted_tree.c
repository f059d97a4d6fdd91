/*
 * wanted_tree.c
 *		A request tree in which each node stands once, with what was found for
 *		it.
 *
 * A request may name a node several times; what it asks for is merged.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/path.h"
#include "storage/object/node_hash.h"
#include "storage/select/wanted_tree.h"

typedef struct WantedEntry
{
	QlmNodeHashKey key;
	QlmWanted  *wanted;
	uint32		hash;
	char		status;
} WantedEntry;

#define SH_PREFIX wantedhash
#define SH_ELEMENT_TYPE WantedEntry
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

struct QlmWantedTree
{
	wantedhash_hash *by_path;
	QlmWanted	root;
	QlmWanted **nodes;
	int			n;
	int			capacity;
};

static void
append_node(QlmWantedTree *tree, QlmWanted *wanted)
{
	QlmWanted  *parent = wanted->parent;

	if (tree->n == tree->capacity)
	{
		tree->capacity *= 2;
		tree->nodes = repalloc_huge(tree->nodes,
									tree->capacity * sizeof(QlmWanted *));
	}
	tree->nodes[tree->n++] = wanted;
	if (parent->last_child != NULL)
		parent->last_child->next = wanted;
	else
		parent->children = wanted;
	parent->last_child = wanted;
}

static QlmWanted *
add_node(QlmWantedTree *tree, QlmWanted *parent, const char *name,
		 bool is_item)
{
	StringInfoData path;
	QlmNodeHashKey key;
	WantedEntry *entry;
	QlmWanted  *wanted;
	bool		found;

	initStringInfo(&path);
	appendStringInfoString(&path, parent->path);
	qlm_path_append(&path, name);
	key.path = path.data;
	key.is_item = is_item;
	entry = wantedhash_insert(tree->by_path, key, &found);
	if (found)
	{
		pfree(path.data);
		return entry->wanted;
	}
	wanted = palloc0(sizeof(QlmWanted));
	wanted->parent = parent;
	wanted->is_item = is_item;
	wanted->depth = parent->depth + 1;
	wanted->name = name;
	wanted->path = path.data;
	entry->wanted = wanted;
	append_node(tree, wanted);
	return wanted;
}

static void
add_descriptions(QlmWanted *wanted, const QlmDescription *description)
{
	for (; description != NULL; description = description->next)
	{
		if (description->lang == NULL)
			wanted->any_description = true;
		else
			wanted->languages = lappend(wanted->languages,
										(char *) description->lang);
	}
}

static void
add_item(QlmWantedTree *tree, QlmWanted *parent, const QlmInfoItem *item)
{
	QlmWanted  *wanted = add_node(tree, parent, item->name, true);

	wanted->is_leaf = true;
	add_descriptions(wanted, item->descriptions);
	if (item->has_meta_data && item->meta_data == NULL)
		wanted->any_meta_data = true;
	for (QlmInfoItem *meta = item->meta_data; meta; meta = meta->next)
		wanted->meta_data = lappend(wanted->meta_data, (char *) meta->name);
}

static void
add_children(QlmWantedTree *tree, QlmWanted *wanted, const QlmObject *object)
{
	check_stack_depth();
	if (object->items == NULL && object->objects == NULL)
		wanted->is_leaf = true;
	for (QlmInfoItem *item = object->items; item; item = item->next)
		add_item(tree, wanted, item);
	for (QlmObject *child = object->objects; child; child = child->next)
	{
		QlmWanted  *below = add_node(tree, wanted, child->ids->text, false);

		add_descriptions(below, child->descriptions);
		add_children(tree, below, child);
	}
}

QlmWantedTree *
qlm_wanted_build(const QlmOdf *request)
{
	QlmWantedTree *tree = palloc0(sizeof(QlmWantedTree));

	tree->by_path = wantedhash_create(CurrentMemoryContext, 16, NULL);
	tree->capacity = 16;
	tree->nodes = palloc(tree->capacity * sizeof(QlmWanted *));
	tree->root.path = "";
	add_children(tree, &tree->root, &request->root);
	return tree;
}

QlmWanted *
qlm_wanted_root(QlmWantedTree *tree)
{
	return &tree->root;
}

QlmWanted **
qlm_wanted_nodes(QlmWantedTree *tree, int *n)
{
	*n = tree->n;
	return tree->nodes;
}

QlmWanted *
qlm_wanted_find(QlmWantedTree *tree, const char *path, bool is_item)
{
	QlmNodeHashKey key = {path, is_item};
	WantedEntry *entry = wantedhash_lookup(tree->by_path, key);

	return entry ? entry->wanted : NULL;
}

bool
qlm_wanted_overlaps(const QlmWantedTree *tree)
{
	for (int i = 0; i < tree->n; i++)
		if (tree->nodes[i]->is_leaf && tree->nodes[i]->children != NULL)
			return true;
	return false;
}

void
qlm_wanted_describe(QlmWantedTree *tree)
{
	for (int i = 0; i < tree->n; i++)
		tree->nodes[i]->any_description = true;
}

/* A node exists for the user if all nodes above it are visible. */
static bool
is_there(QlmWanted *wanted)
{
	int			parent_id;

	if (wanted->row == NULL)
		return false;
	if (wanted->parent->parent == NULL)
		parent_id = 0;
	else if (wanted->parent->row == NULL)
		return false;
	else
		parent_id = wanted->parent->row->id;
	return wanted->row->parent_id == parent_id;
}

int
qlm_wanted_select(QlmWantedTree *tree)
{
	int			leaves = 0;

	tree->root.is_selected = tree->root.is_leaf;
	for (int i = 0; i < tree->n; i++)
		if (!is_there(tree->nodes[i]))
			tree->nodes[i]->row = NULL;
	for (int i = 0; i < tree->n; i++)
	{
		QlmWanted  *wanted = tree->nodes[i];

		if (!wanted->is_leaf || wanted->row == NULL)
			continue;
		leaves++;
		for (; wanted != NULL && !wanted->is_selected; wanted = wanted->parent)
			wanted->is_selected = true;
	}
	return leaves;
}

QlmObject *
qlm_wanted_missing_object(QlmOdf *odf, QlmWanted *wanted)
{
	if (wanted->parent == NULL)
		return NULL;
	if (wanted->object == NULL)
		wanted->object = qlm_odf_add_object(odf,
											qlm_wanted_missing_object(odf, wanted->parent),
											wanted->name);
	return wanted->object;
}

QlmOdf *
qlm_wanted_missing(QlmWantedTree *tree)
{
	QlmOdf	   *odf = NULL;

	for (int i = 0; i < tree->n; i++)
		tree->nodes[i]->object = NULL;
	for (int i = 0; i < tree->n; i++)
	{
		QlmWanted  *wanted = tree->nodes[i];

		if (!wanted->is_leaf || wanted->row != NULL)
			continue;
		if (odf == NULL)
			odf = qlm_odf_create();
		if (wanted->is_item)
			qlm_odf_add_item(odf, qlm_wanted_missing_object(odf, wanted->parent),
							 wanted->name);
		else
			qlm_wanted_missing_object(odf, wanted);
	}
	return odf;
}
