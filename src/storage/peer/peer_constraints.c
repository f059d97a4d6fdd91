/*
 * peer_constraints.c
 *		Checks rows that hold secrets before the server does.
 *
 * If a row violates a constraint, the server shows the whole row in its error,
 * and so writes the secret to the log.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/rel.h"

#include "storage/peer/peer_constraints.h"

static void
check_not_null(Relation relation, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (column->attnotnull && !column->attisdropped && heap_attisnull(row, i + 1, desc))
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
							NameStr(column->attname), RelationGetRelationName(relation)),
					 errtablecol(relation, i + 1)));
	}
}

void
qlm_peer_constraints_check(Relation relation, HeapTuple row)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	EState	   *estate;
	ExprContext *context;
	TupleTableSlot *slot;

	if (constraints == NULL)
		return;
	check_not_null(relation, row);
	estate = CreateExecutorState();
	context = GetPerTupleExprContext(estate);
	slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
	ExecStoreHeapTuple(row, slot, false);
	context->ecxt_scantuple = slot;
	for (int i = 0; i < constraints->num_check; i++)
	{
		const ConstrCheck *check = &constraints->check[i];

		if (!ExecCheck(ExecPrepareExpr(stringToNode(check->ccbin), estate), context))
			ereport(ERROR,
					(errcode(ERRCODE_CHECK_VIOLATION),
					 errmsg("new row for relation \"%s\" violates check constraint \"%s\"",
							RelationGetRelationName(relation), check->ccname),
					 errtableconstraint(relation, check->ccname)));
	}
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
}
