/*
 * rename_target.c
 *		Targets of subscriptions that reach a node through aliases of the nodes
 *		above it.
 *
 * Such a target keeps the aliases.  Only the id that changes is replaced.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/path.h"
#include "storage/core/plan.h"
#include "storage/object/alias_path.h"
#include "storage/object/rename_target.h"

typedef struct MovedTarget
{
	const char *path;
	const char *new_path;
} MovedTarget;

static QlmPlan targets_plan = {
	"SELECT DISTINCT path FROM qlm.subscription_target WHERE path <> ''",
	0, {0}
};

/* A subscription that had both paths as targets keeps one of them. */
static QlmPlan double_plan = {
	"DELETE FROM qlm.subscription_target t WHERE t.path = $1"
	" AND EXISTS (SELECT FROM qlm.subscription_target x"
	" WHERE x.request_id = t.request_id AND x.path = $2)",
	2, {TEXTOID, TEXTOID}
};

static QlmPlan move_plan = {
	"UPDATE qlm.subscription_target SET path = $2 WHERE path = $1",
	2, {TEXTOID, TEXTOID}
};

static int
all_targets(const char ***paths)
{
	int			n;

	qlm_plan_execute(&targets_plan, NULL, NULL, 0);
	n = (int) SPI_processed;
	*paths = palloc_extended(Max(n, 1) * sizeof(char *), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		(*paths)[i] = qlm_spi_text(i, 1);
	SPI_freetuptable(SPI_tuptable);
	return n;
}

/*
 * Returns the target with another id at this place, or NULL if the id there is
 * an alias itself.
 */
static const char *
moved(const char *target, int place, const char *id, const char *new_id)
{
	const char *error;
	StringInfoData path;
	char	  **ids;
	int			n = qlm_path_split(target, &ids, &error);

	if (n <= place || strcmp(ids[place], id) != 0)
		return NULL;
	initStringInfo(&path);
	for (int i = 0; i < n; i++)
		qlm_path_append(&path, i == place ? new_id : ids[i]);
	return path.data;
}

List *
qlm_rename_targets(const char *path, const char *new_id)
{
	List	   *targets = NIL;
	const char **paths;
	QlmAliasPath *found;
	const char *error;
	char	  **ids;
	int			place = qlm_path_split(path, &ids, &error) - 1;
	int			n = all_targets(&paths);

	n = qlm_alias_paths(paths, n, NULL, &found);
	for (int i = 0; i < n; i++)
	{
		const char *target = paths[found[i].number];
		const char *new_path = qlm_path_is_below(found[i].path, path) ?
			moved(target, place, ids[place], new_id) : NULL;

		if (new_path)
		{
			MovedTarget *change = palloc(sizeof(MovedTarget));

			change->path = target;
			change->new_path = new_path;
			targets = lappend(targets, change);
		}
	}
	return targets;
}

void
qlm_rename_move_targets(const List *targets)
{
	ListCell   *lc;

	foreach(lc, targets)
	{
		const MovedTarget *change = lfirst(lc);
		Datum		values[2] = {CStringGetTextDatum(change->path),
			CStringGetTextDatum(change->new_path)
		};

		qlm_plan_execute(&double_plan, values, NULL, 0);
		qlm_plan_execute(&move_plan, values, NULL, 0);
	}
}
