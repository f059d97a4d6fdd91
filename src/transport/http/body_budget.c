/*
 * body_budget.c
 *		The memory that large request bodies take, in a server and for one
 *		address.
 */
#include "postgres.h"

#include "base/limits.h"
#include "transport/http/body_budget.h"

bool
qlm_body_budget_has_room(const QlmBodyBudget *budget, const QlmBodyBudgetShare *share,
					Size before, Size after)
{
	Size		total = (Size) qlm_max_message_size * QLM_MAX_LARGE_MESSAGES;
	Size		used = budget->used - before + after;

	if (used > total)
		return false;
	return share == NULL || !share->is_limited ||
		share->used - before + after <= total - used;
}

void
qlm_body_budget_change(QlmBodyBudget *budget, QlmBodyBudgetShare *share,
				  Size before, Size after)
{
	budget->used += after - before;
	if (share)
		share->used += after - before;
}
