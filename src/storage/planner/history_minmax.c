/*
 * history_minmax.c
 *		max(ts) and min(ts) of one InfoItem in qlm.history.
 *
 * In a query on one table the server reads the first row of the index instead
 * of all rows.  The view joins several tables, so the query is rewritten:
 * SELECT (SELECT ts FROM qlm.history WHERE ... ORDER BY ts DESC LIMIT 1).
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "storage/planner/history_minmax.h"
#include "storage/planner/history_view.h"

typedef struct Extremes
{
	AttrNumber	ts;
	Query	   *rows;			/* the query without aggregates */
} Extremes;

static bool
is_extreme(const Aggref *aggregate, AttrNumber ts)
{
	const TargetEntry *argument;
	const Var  *var;

	if ((aggregate->aggfnoid != F_MAX_TIMESTAMPTZ &&
		 aggregate->aggfnoid != F_MIN_TIMESTAMPTZ) ||
		aggregate->agglevelsup != 0 || aggregate->aggfilter != NULL ||
		list_length(aggregate->args) != 1)
		return false;
	argument = linitial(aggregate->args);
	var = (const Var *) argument->expr;
	return IsA(var, Var) && var->varlevelsup == 0 && var->varattno == ts;
}

static bool
is_something_else(Node *node, void *context)
{
	const Extremes *extremes = context;

	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
		return !is_extreme((Aggref *) node, extremes->ts);
	if (IsA(node, SubLink) || IsA(node, GroupingFunc))
		return true;
	return expression_tree_walker(node, is_something_else, context);
}

/*
 * Do the conditions fix the id of the InfoItem?  No other column is
 * sufficient.
 */
static bool
names_one_item(Node *quals)
{
	List	   *conjuncts = is_andclause(quals) ? ((BoolExpr *) quals)->args : list_make1(quals);
	ListCell   *lc;

	foreach(lc, conjuncts)
	{
		const OpExpr *clause = lfirst(lc);

		if (IsA(clause, OpExpr) && clause->opfuncid == F_INT4EQ &&
			IsA(linitial(clause->args), Var) &&
			!contain_vars_of_level(lsecond(clause->args), 0))
			return true;
	}
	return false;
}

static bool
is_plain_aggregate(const Query *query)
{
	return query->commandType == CMD_SELECT && query->hasAggs &&
		!query->hasWindowFuncs && !query->hasTargetSRFs &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && query->distinctClause == NIL &&
		query->sortClause == NIL && query->setOperations == NULL &&
		query->limitCount == NULL && query->limitOffset == NULL &&
		query->rowMarks == NIL && query->cteList == NIL &&
		list_length(query->rtable) == 1 &&
		list_length(query->jointree->fromlist) == 1 &&
		IsA(linitial(query->jointree->fromlist), RangeTblRef);
}

/* Builds (SELECT ts FROM ... ORDER BY ts LIMIT 1), one level deeper. */
static Node *
make_first(const Extremes *extremes, const Aggref *aggregate)
{
	const TargetEntry *argument = linitial(aggregate->args);
	Query	   *query = copyObject(extremes->rows);
	TargetEntry *target = makeTargetEntry(copyObject(argument->expr), 1, "ts", false);
	SortGroupClause *sort = makeNode(SortGroupClause);
	SubLink    *link = makeNode(SubLink);
	TypeCacheEntry *type = lookup_type_cache(TIMESTAMPTZOID, TYPECACHE_LT_OPR |
											 TYPECACHE_GT_OPR | TYPECACHE_EQ_OPR);
	bool		descending = aggregate->aggfnoid == F_MAX_TIMESTAMPTZ;

	target->ressortgroupref = 1;
	query->targetList = list_make1(target);
	sort->tleSortGroupRef = 1;
	sort->eqop = type->eq_opr;
	sort->sortop = descending ? type->gt_opr : type->lt_opr;
	sort->nulls_first = descending;
	qlm_sort_descending(sort, descending);
	sort->hashable = false;
	query->sortClause = list_make1(sort);
	query->limitCount = (Node *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
										   Int64GetDatum(1), false, FLOAT8PASSBYVAL);
	query->limitOption = LIMIT_OPTION_COUNT;
	IncrementVarSublevelsUp((Node *) query, 1, 1);

	link->subLinkType = EXPR_SUBLINK;
	link->subselect = (Node *) query;
	link->location = -1;
	return (Node *) link;
}

static Node *
replace_extremes(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
		return make_first(context, (Aggref *) node);
	return expression_tree_mutator(node, replace_extremes, context);
}

void
qlm_history_minmax_rewrite(Query *query, AttrNumber ts)
{
	Extremes	extremes = {ts};
	const RangeTblEntry *rte;

	if (!is_plain_aggregate(query))
		return;
	rte = linitial(query->rtable);
	if (!qlm_history_view_is(rte) || query->jointree->quals == NULL ||
		!names_one_item(query->jointree->quals) ||
		contain_volatile_functions(query->jointree->quals) ||
		is_something_else((Node *) query->targetList, &extremes))
		return;
	extremes.rows = copyObject(query);
	extremes.rows->hasAggs = false;
	extremes.rows->targetList = NIL;
	query->targetList = (List *) replace_extremes((Node *) query->targetList, &extremes);
	query->hasAggs = false;
	query->hasSubLinks = true;
	query->jointree = makeFromExpr(NIL, NULL);
	query->rtable = NIL;
	qlm_query_clear_permissions(query);
}
