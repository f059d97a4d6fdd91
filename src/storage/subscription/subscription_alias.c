/*
 * subscription_alias.c
 *		Targets of subscriptions that name nodes by aliases.
 *
 * A target that is the path of an existing node covers that node, even if
 * others have it as alias.  Any other target may become an alias, so it is
 * looked up again when further ids of Objects or other names of InfoItems have
 * changed.  If all targets exist such changes cost nothing.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "storage/core/catalog.h"
#include "storage/core/rights.h"
#include "storage/core/validity.h"
#include "storage/object/alias_path.h"
#include "storage/subscription/subscription_alias.h"

void
qlm_targets_add(QlmTargets *targets, const char *path, void *data)
{
	if (targets->n == targets->capacity)
	{
		targets->capacity = Max(16, targets->capacity * 2);
		targets->entries = targets->entries ?
			repalloc_huge(targets->entries, targets->capacity * sizeof(QlmPathEntry)) :
			palloc(targets->capacity * sizeof(QlmPathEntry));
	}
	targets->entries[targets->n].path = path;
	targets->entries[targets->n++].data = data;
}

static bool
is_right(const QlmTargets *targets, bool *paths_hold)
{
	*paths_hold = targets->context != NULL &&
		qlm_validity_holds(&targets->objects, QLM_REL_OBJECT) &&
		qlm_validity_holds(&targets->items, QLM_REL_INFO_ITEM);
	return *paths_hold &&
		(targets->nabsent == 0 || qlm_validity_holds(&targets->names, QLM_REL_NAMES));
}

/* Collects the targets to look up, and their numbers.  Returns how many. */
static int
choose(const QlmTargets *targets, bool only_absent, const char ***paths, int **numbers)
{
	int			n = only_absent ? targets->nabsent : targets->n;

	*paths = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(char *));
	*numbers = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(int));
	for (int i = 0; i < n; i++)
	{
		(*numbers)[i] = only_absent ? targets->absent[i] : i;
		(*paths)[i] = targets->entries[(*numbers)[i]].path;
	}
	return n;
}

/*
 * Fills in the result.  Everything is allocated in the current memory context,
 * which holds nothing else.
 */
static void
fill(QlmTargets *targets, const int *numbers, const bool *there, int n,
	 const QlmAliasPath *found, int nfound)
{
	targets->absent = palloc_extended(Max(n, 1) * sizeof(int), MCXT_ALLOC_HUGE);
	targets->nabsent = 0;
	for (int i = 0; i < n; i++)
		if (!there[i])
			targets->absent[targets->nabsent++] = numbers[i];
	memset(&targets->aliases, 0, sizeof(QlmPathMap));
	for (int i = 0; i < nfound; i++)
		qlm_path_map_add(&targets->aliases, pstrdup(found[i].path),
						 targets->entries[numbers[found[i].number]].data);
	qlm_path_map_sort(&targets->aliases);
}

static void
look_up(QlmTargets *targets, bool only_absent)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(context, "qlm targets",
											   ALLOCSET_DEFAULT_SIZES);
	const char **paths;
	int		   *numbers;
	bool	   *there;
	QlmAliasPath *found;
	QlmRights	saved;
	int			n;
	int			nfound;

	MemoryContextSwitchTo(work);
	n = choose(targets, only_absent, &paths, &numbers);
	there = MemoryContextAllocHuge(work, Max(n, 1) * sizeof(bool));
	qlm_rights_become_owner(&saved);
	nfound = n > 0 ? qlm_alias_paths(paths, n, there, &found) : 0;
	qlm_rights_restore(&saved);
	MemoryContextSwitchTo(context);
	fill(targets, numbers, there, n, found, nfound);
	MemoryContextDelete(work);
}

static bool
is_same(const QlmPathMap *a, const QlmPathMap *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->entries[i].data != b->entries[i].data ||
			strcmp(a->entries[i].path, b->entries[i].path) != 0)
			return false;
	return true;
}

/* If an error occurs, the previous result stays valid. */
bool
qlm_targets_look(QlmTargets *targets, MemoryContext parent)
{
	QlmTargets	found = *targets;
	MemoryContext caller;
	bool		paths_hold;
	bool		changed;

	if (targets->n == 0 || is_right(targets, &paths_hold))
		return false;
	found.objects = qlm_validity_take(QLM_REL_OBJECT);
	found.items = qlm_validity_take(QLM_REL_INFO_ITEM);
	found.names = qlm_validity_take(QLM_REL_NAMES);
	found.context = AllocSetContextCreate(CurrentMemoryContext, "qlm aliased targets",
										  ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(found.context);
	look_up(&found, paths_hold);
	MemoryContextSwitchTo(caller);

	changed = !is_same(&found.aliases, &targets->aliases);
	MemoryContextSetParent(found.context, parent);
	if (targets->context)
		MemoryContextDelete(targets->context);
	*targets = found;
	return changed;
}
