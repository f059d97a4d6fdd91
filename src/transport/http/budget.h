/*
 * budget.h
 *		The memory that large bodies of requests take while they are under way,
 *		in a server and of one address.
 */
#ifndef QLM_BUDGET_H
#define QLM_BUDGET_H

typedef struct QlmBudget
{
	Size		used;
} QlmBudget;

/* What one address has of it; not limited: it stands for many */
typedef struct QlmBudgetShare
{
	Size		used;
	bool		is_limited;
} QlmBudgetShare;

/*
 * May what takes so much take more?  Of one address all together have at most
 * as much as is left for others.  share: NULL: nobody's.
 */
extern bool qlm_budget_has_room(const QlmBudget *budget,
								const QlmBudgetShare *share,
								Size before, Size after);
extern void qlm_budget_change(QlmBudget *budget, QlmBudgetShare *share,
							  Size before, Size after);

#endif							/* QLM_BUDGET_H */
