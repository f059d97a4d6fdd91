/*
 * body_budget.h
 *		The memory that messages take while they are under way: large bodies of
 *		requests, in a server and of one address, and what has not left yet.
 */
#ifndef QLM_BODY_BUDGET_H
#define QLM_BODY_BUDGET_H

typedef struct QlmBodyBudget
{
	Size		used;			/* by bodies of requests */
	Size		unsent;			/* bytes of answers and pushes */
} QlmBodyBudget;

/* What one address has of it; not limited: it stands for many */
typedef struct QlmBodyBudgetShare
{
	Size		used;
	bool		is_limited;
} QlmBodyBudgetShare;

/*
 * May what takes so much take more?  Of one address all together have at most
 * as much as is left for others.  share: NULL: nobody's.
 */
extern bool qlm_body_budget_has_room(const QlmBodyBudget *budget,
								const QlmBodyBudgetShare *share,
								Size before, Size after);
extern void qlm_body_budget_change(QlmBodyBudget *budget, QlmBodyBudgetShare *share,
							  Size before, Size after);

#endif							/* QLM_BODY_BUDGET_H */
