/*
 * history_filter.c
 *		Queries on qlm.history for the first or last values of an InfoItem.
 *
 * SELECT ... WHERE path = 'x' ORDER BY ts DESC LIMIT 1 is the first query that
 * everybody writes.  The index of values is on the id of the InfoItem and the
 * time.  The planner does not know that a path has one InfoItem, so it would
 * join, read all values and sort them.  So for each condition that a path
 * equals something, a condition is added: the id equals the one that the path
 * has, which is constant for the rest of the query.  Then the index returns
 * the values in order.
 *
 * In the same way max(ts) and min(ts) become the first row in order, which the
 * server does itself if values are not joined.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "storage/lockdefs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "storage/planner/history_filter.h"
#include "storage/planner/history_minmax.h"
#include "storage/planner/history_view.h"

/* For the statement that is being planned */
static const QlmHistoryColumns *columns;

/* (SELECT info_item_id FROM qlm.info_item WHERE path = X) */
static Node *
make_lookup(const OpExpr *equals, Node *value)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *from = makeNode(RangeTblRef);
	Query	   *query = makeNode(Query);
	SubLink    *link = makeNode(SubLink);
	OpExpr	   *same = copyObject((OpExpr *) equals);
	Var		   *path = makeVar(1, columns->item_path, TEXTOID, -1, C_COLLATION_OID, 0);
	Var		   *id = makeVar(1, columns->item_id, INT4OID, -1, InvalidOid, 0);
	char	   *name;

	value = copyObject(value);
	IncrementVarSublevelsUp(value, 1, 0);
	same->args = list_make2(path, value);

	rte->rtekind = RTE_RELATION;
	rte->relid = columns->items;
	rte->relkind = RELKIND_RELATION;
	rte->rellockmode = AccessShareLock;
	rte->eref = makeAlias("info_item", NIL);
	for (AttrNumber i = 1; (name = get_attname(columns->items, i, true)) != NULL; i++)
		rte->eref->colnames = lappend(rte->eref->colnames, makeString(name));
	rte->inh = true;
	rte->inFromCl = true;

	from->rtindex = 1;
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->rtable = list_make1(rte);
	qlm_query_add_permissions(query, rte);
	query->jointree = makeFromExpr(list_make1(from), (Node *) same);
	query->targetList = list_make1(makeTargetEntry((Expr *) id, 1, "info_item_id", false));

	link->subLinkType = EXPR_SUBLINK;
	link->subselect = (Node *) query;
	link->location = -1;
	return (Node *) link;
}

/* Builds "info_item_id = ..." for the table whose path is the variable. */
static Node *
make_implied(const OpExpr *equals, const Var *path, Node *value)
{
	Var		   *id = copyObject((Var *) path);

	id->varattno = columns->view_id;
	id->vartype = INT4OID;
	id->vartypmod = -1;
	id->varcollid = InvalidOid;
	id->varnosyn = 0;
	id->varattnosyn = 0;
	return (Node *) make_opclause(Int4EqualOperator, BOOLOID, false,
								  (Expr *) id, (Expr *) make_lookup(equals, value),
								  InvalidOid, InvalidOid);
}

static void
add_qual(Query *query, Node **quals, Node *qual)
{
	OpExpr	   *clause = (OpExpr *) qual;

	clause->opfuncid = F_INT4EQ;
	if (is_andclause(*quals))
		((BoolExpr *) *quals)->args = lappend(((BoolExpr *) *quals)->args, qual);
	else
		*quals = make_and_qual(*quals, qual);
	query->hasSubLinks = true;
}

/* Does a condition on the output of the query also hold for its input rows? */
static bool
passes_rows_on(const Query *query)
{
	return query->commandType == CMD_SELECT && !query->hasAggs &&
		!query->hasWindowFuncs && !query->hasTargetSRFs &&
		query->groupClause == NIL && query->groupingSets == NIL &&
		query->havingQual == NULL && query->distinctClause == NIL &&
		query->setOperations == NULL && query->limitCount == NULL &&
		query->limitOffset == NULL && query->rowMarks == NIL;
}

/*
 * A path equals a value.  If the path comes from a view or subquery that
 * passes rows on, the condition is added there.
 */
static void
imply(Query *query, Node **quals, const OpExpr *equals, const Var *path, Node *value)
{
	RangeTblEntry *rte = rt_fetch(path->varno, query->rtable);
	TargetEntry *output;

	if (qlm_history_view_is(rte))
	{
		if (path->varattno == columns->view_path)
			add_qual(query, quals, make_implied(equals, path, value));
		return;
	}
	if (rte->rtekind != RTE_SUBQUERY || !passes_rows_on(rte->subquery))
		return;
	output = get_tle_by_resno(rte->subquery->targetList, path->varattno);
	if (output == NULL || output->resjunk || !IsA(output->expr, Var) ||
		((Var *) output->expr)->varlevelsup > 0)
		return;
	value = copyObject(value);
	IncrementVarSublevelsUp(value, 1, 0);
	imply(rte->subquery, &rte->subquery->jointree->quals, equals,
		  (Var *) output->expr, value);
}

/* Is the value known before the rows are read, and always the same? */
static bool
is_constant_here(Node *value)
{
	return !contain_vars_of_level(value, 0) && !contain_subplans(value) &&
		!contain_volatile_functions(value);
}

static bool
is_path(const Node *node)
{
	return IsA(node, Var) && ((const Var *) node)->varlevelsup == 0 &&
		((const Var *) node)->vartype == TEXTOID && ((const Var *) node)->varattno > 0;
}

static void
look_at_conjunct(Query *query, Node **quals, const Node *conjunct)
{
	const OpExpr *equals = (const OpExpr *) conjunct;
	Node	   *left;
	Node	   *right;

	if (!IsA(conjunct, OpExpr) || equals->opno != TextEqualOperator ||
		equals->inputcollid != C_COLLATION_OID)
		return;
	left = linitial(equals->args);
	right = lsecond(equals->args);
	if (is_path(left) && is_constant_here(right))
		imply(query, quals, equals, (Var *) left, right);
	else if (is_path(right) && is_constant_here(left))
		imply(query, quals, equals, (Var *) right, left);
}

static void
look_at_quals(Query *query, Node **quals)
{
	const Node *all = *quals;
	ListCell   *lc;

	if (all == NULL)
		return;
	if (!is_andclause(all))
	{
		look_at_conjunct(query, quals, all);
		return;
	}
	/* Conditions are added to the list itself, so a copy is traversed. */
	foreach(lc, list_copy(((const BoolExpr *) all)->args))
		look_at_conjunct(query, quals, lfirst(lc));
}

static void
look_at_joins(Query *query, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;

		foreach(lc, from->fromlist)
			look_at_joins(query, lfirst(lc));
		look_at_quals(query, &from->quals);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		look_at_joins(query, join->larg);
		look_at_joins(query, join->rarg);
		look_at_quals(query, &join->quals);
	}
}

/*
 * Outer queries are processed first, as they may add conditions to inner ones.
 */
static bool
look_at_queries(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		look_at_joins(query, (Node *) query->jointree);
		query_tree_walker(query, look_at_queries, context, 0);
		qlm_history_minmax_rewrite(query, columns->view_ts);
		return false;
	}
	return expression_tree_walker(node, look_at_queries, context);
}

/* Does the query use the view?  Most do not. */
static bool
has_view(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return qlm_history_view_is((RangeTblEntry *) node);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_view, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_view, context);
}

void
qlm_history_filter_add(Query *query)
{
	if (query->utilityStmt == NULL && (columns = qlm_history_view_columns()) != NULL && has_view((Node *) query, NULL))
		look_at_queries((Node *) query, NULL);
}
