/*
 * tree.c
 *		Builds payload trees from paths, and lists the paths of trees.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "base/path.h"
#include "service/payload/tree.h"
#include "storage/peer/peer.h"

static int
split_path(const char *path, char ***ids)
{
	const char *error;
	int			n = qlm_path_split(path, ids, &error);

	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a path of an Object or InfoItem", path),
				 errdetail("%s", error),
				 errhint("A path joins ids by /, as in SmartFridge411/temperature.")));
	return n;
}

static QlmObject *
add_objects(QlmOdf *odf, char **ids, int n)
{
	QlmObject  *object = &odf->root;

	for (int i = 0; i < n; i++)
		object = qlm_odf_add_object(odf, object, ids[i]);
	return object;
}

QlmOdf *
qlm_tree_from_paths(const char **paths, int n)
{
	QlmOdf	   *odf = qlm_odf_create();

	for (int i = 0; i < n; i++)
	{
		char	  **ids;
		int			nids = split_path(paths[i], &ids);
		QlmObject  *parent;

		if (nids == 0)
			return qlm_odf_create();
		parent = add_objects(odf, ids, nids - 1);
		qlm_odf_add_object(odf, parent, ids[nids - 1]);
		if (nids > 1)
			qlm_odf_add_item(odf, parent, ids[nids - 1]);
	}
	return odf;
}

QlmOdf *
qlm_tree_from_item(const char *path, QlmInfoItem **item)
{
	QlmOdf	   *odf = qlm_odf_create();
	char	  **ids;
	int			n = split_path(path, &ids);

	if (n < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a path of an InfoItem", path),
				 errhint("Name an Object and an InfoItem of it, as in SmartFridge411/temperature.")));
	*item = qlm_odf_add_item(odf, add_objects(odf, ids, n - 1), ids[n - 1]);
	return odf;
}

static void
collect_leaves(const QlmObject *object, StringInfo path, List **leaves)
{
	int			len = path->len;

	if (object->items == NULL && object->objects == NULL)
		*leaves = lappend(*leaves, pstrdup(path->data));
	for (const QlmInfoItem *item = object->items; item; item = item->next)
	{
		qlm_path_append(path, item->name);
		*leaves = lappend(*leaves, pstrdup(path->data));
		path->len = len;
		path->data[len] = '\0';
	}
	for (const QlmObject *child = object->objects; child; child = child->next)
	{
		qlm_path_append(path, child->ids->text);
		collect_leaves(child, path, leaves);
		path->len = len;
		path->data[len] = '\0';
	}
}

int
qlm_tree_leaves(const QlmOdf *odf, const char ***paths)
{
	List	   *leaves = NIL;
	StringInfoData path;
	ListCell   *lc;
	int			n = 0;

	initStringInfo(&path);
	collect_leaves(&odf->root, &path, &leaves);
	*paths = palloc(list_length(leaves) * sizeof(char *));
	foreach(lc, leaves)
		(*paths)[n++] = lfirst(lc);
	return n;
}

static void
visit_object(QlmObject *object, StringInfo path, QlmItemVisitor visit, void *arg)
{
	int			len = path->len;

	for (QlmInfoItem *item = object->items; item; item = item->next)
	{
		qlm_path_append(path, item->name);
		visit(path->data, item, arg);
		path->len = len;
		path->data[len] = '\0';
	}
	for (QlmObject *child = object->objects; child; child = child->next)
	{
		qlm_path_append(path, child->ids->text);
		visit_object(child, path, visit, arg);
		path->len = len;
		path->data[len] = '\0';
	}
}

void
qlm_tree_visit_items(QlmOdf *odf, QlmItemVisitor visit, void *arg)
{
	StringInfoData path;

	initStringInfo(&path);
	visit_object(&odf->root, &path, visit, arg);
	pfree(path.data);
}

static void
strip_object(QlmObject *object)
{
	object->descriptions = NULL;
	for (QlmInfoItem *item = object->items; item; item = item->next)
	{
		item->descriptions = NULL;
		item->alt_names = NULL;
		item->has_meta_data = false;
		item->meta_data = NULL;
	}
	for (QlmObject *child = object->objects; child; child = child->next)
		strip_object(child);
}

void
qlm_tree_strip(QlmOdf *odf)
{
	strip_object(&odf->root);
}

static void
merge_item(QlmObject *into, QlmInfoItem *item)
{
	QlmInfoItem *same = qlm_odf_find_item(into, item->name);

	item->next = NULL;
	if (same == NULL)
	{
		if (into->items)
			into->last_item->next = item;
		else
			into->items = item;
		into->last_item = item;
	}
	else if (item->values)
	{
		if (same->values)
			same->last_value->next = item->values;
		else
			same->values = item->values;
		same->last_value = item->last_value;
		same->nvalues += item->nvalues;
	}
}

static void
merge_object(QlmObject *into, QlmObject *object)
{
	QlmInfoItem *next_item;
	QlmObject  *next;

	check_stack_depth();
	for (QlmInfoItem *item = object->items; item; item = next_item)
	{
		next_item = item->next;
		merge_item(into, item);
	}
	for (QlmObject *child = object->objects; child; child = next)
	{
		QlmObject  *same = qlm_odf_find_object(into, child->ids->text);

		next = child->next;
		child->next = NULL;
		if (same)
			merge_object(same, child);
		else
		{
			if (into->objects)
				into->last_object->next = child;
			else
				into->objects = child;
			into->last_object = child;
		}
	}
}

void
qlm_tree_merge(QlmOdf *into, QlmOdf *odf)
{
	merge_object(&into->root, &odf->root);
	into->nobjects += odf->nobjects;
	into->nitems += odf->nitems;
	into->nvalues += odf->nvalues;
}

typedef struct CoverSearch
{
	const char **leaves;
	int			nleaves;
	bool		found;
} CoverSearch;

static void
is_covered(const char *path, QlmInfoItem *item, void *arg)
{
	CoverSearch *search = arg;

	for (int i = 0; i < search->nleaves && !search->found; i++)
		search->found = qlm_path_is_below(path, search->leaves[i]);
}

bool
qlm_tree_covers(const QlmOdf *request, QlmOdf *data)
{
	CoverSearch search = {0};

	search.nleaves = qlm_tree_leaves(request, &search.leaves);
	qlm_tree_visit_items(data, is_covered, &search);
	return search.found;
}
