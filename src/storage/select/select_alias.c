/*
 * select_alias.c
 *		Finds nodes that a request names by aliases.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/path.h"
#include "storage/object/alias.h"
#include "storage/select/select_alias.h"
#include "storage/select/select_node.h"
#include "storage/select/wanted_tree.h"

/* A path has fewer ids than this, and each round resolves at least one. */
#define MAX_ROUNDS 2000

/*
 * Returns the number of the Object in which a node is, or -1 if that was not
 * found.
 */
static int
parent_of(const QlmWanted *wanted)
{
	if (wanted->parent->parent == NULL)
		return 0;
	return wanted->parent->row ? wanted->parent->row->id : -1;
}

/* A path that may be an Object or an InfoItem is in the tree as both. */
static bool
is_missing(QlmWantedTree *tree, const QlmWanted *wanted)
{
	const QlmWanted *other;

	if (wanted->row != NULL)
		return false;
	other = qlm_wanted_find(tree, wanted->path, !wanted->is_item);
	return other == NULL || other->row == NULL;
}

static QlmWanted *
child_of(QlmWantedTree *tree, const QlmWanted *parent, const char *name,
		 bool is_item)
{
	StringInfoData path;
	QlmWanted  *child;

	initStringInfo(&path);
	appendStringInfoString(&path, parent->path);
	qlm_path_append(&path, name);
	child = qlm_wanted_find(tree, path.data, is_item);
	pfree(path.data);
	return child;
}

static const char *
canonical_of(QlmWantedTree *tree, const QlmAliases *aliases,
			 const QlmWanted *wanted)
{
	if (!is_missing(tree, wanted))
		return NULL;
	return qlm_aliases_canonical(aliases, parent_of(wanted), wanted->name,
								 wanted->is_item);
}

static void
rewrite(QlmWantedTree *tree, const QlmAliases *aliases,
		const QlmWanted *parent, QlmObject *object)
{
	const char *canonical;

	check_stack_depth();
	for (QlmInfoItem *item = object->items; item; item = item->next)
	{
		canonical = canonical_of(tree, aliases,
								 child_of(tree, parent, item->name, true));
		if (canonical != NULL)
			qlm_alias_rename_item(item, canonical);
	}
	for (QlmObject *child = object->objects; child; child = child->next)
	{
		QlmWanted  *wanted = child_of(tree, parent, child->ids->text, false);

		canonical = canonical_of(tree, aliases, wanted);
		if (canonical != NULL)
			qlm_alias_rename_object(child, canonical);
		else
			rewrite(tree, aliases, wanted, child);
	}
}

/*
 * Replaces names that were not found and are aliases.  Returns false if there
 * are none.
 */
static bool
resolve(QlmOdf *request, QlmWantedTree *tree)
{
	QlmAliases *aliases = NULL;
	int			n;
	QlmWanted **nodes = qlm_wanted_nodes(tree, &n);

	for (int i = 0; i < n; i++)
	{
		if (!is_missing(tree, nodes[i]) || parent_of(nodes[i]) < 0)
			continue;
		if (aliases == NULL)
			aliases = qlm_aliases_create();
		qlm_aliases_add(aliases, parent_of(nodes[i]), nodes[i]->name,
						nodes[i]->is_item);
	}
	if (aliases == NULL || qlm_aliases_find(aliases) == 0)
		return false;
	rewrite(tree, aliases, qlm_wanted_root(tree), &request->root);
	return true;
}

QlmWantedTree *
qlm_select_alias_find_nodes(QlmOdf *request, int *nleaves)
{
	for (int rounds = 0;; rounds++)
	{
		QlmWantedTree *tree = qlm_wanted_build(request);

		*nleaves = qlm_select_nodes_find(tree);
		if (rounds == MAX_ROUNDS || !resolve(request, tree))
			return tree;
	}
}
