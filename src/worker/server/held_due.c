/*
 * held_due.c
 *		Looks whether what held requests wait for has come: an outbox row for a
 *		peer, values of a subscription, answers of other nodes.
 */
#include "postgres.h"

#include "storage/core/plan.h"
#include "storage/outbox/outbox_nest.h"
#include "storage/outbox/outbox_outcome.h"
#include "storage/subscription/subscription_buffer.h"
#include "worker/common/readiness.h"
#include "worker/server/held_due.h"

/* The numbers that several requests wait for, and the request of each */
typedef struct Numbers
{
	int			n;
	int64	   *ids;
	int		   *of;
	bool	   *found;
} Numbers;

static void
look_for_rows(QlmHeldDue *look)
{
	int		   *peers = palloc(look->n * sizeof(int));
	int		   *of = palloc(look->n * sizeof(int));
	bool	   *due = palloc(look->n * sizeof(bool));
	int			n = 0;

	for (int i = 0; i < look->n; i++)
		if (look->answers[i]->by_queue)
		{
			peers[n] = look->answers[i]->peer_id;
			of[n++] = i;
		}
	qlm_nest_due(peers, n, due);
	for (int i = 0; i < n; i++)
		if (due[i])
			look->due[of[i]] = true;
}

static Numbers
make_numbers(int n)
{
	Numbers		numbers = {0};

	numbers.ids = palloc(Max(n, 1) * sizeof(int64));
	numbers.of = palloc(Max(n, 1) * sizeof(int));
	numbers.found = palloc0(Max(n, 1) * sizeof(bool));
	return numbers;
}

static void
add_number(Numbers *numbers, int64 id, int of)
{
	numbers->ids[numbers->n] = id;
	numbers->of[numbers->n++] = of;
}

static void
look_for_values(QlmHeldDue *look)
{
	Numbers		numbers;
	int			n = 0;

	for (int i = 0; i < look->n; i++)
		n += look->answers[i]->nsubscriptions;
	if (n == 0)
		return;
	numbers = make_numbers(n);
	for (int i = 0; i < look->n; i++)
		for (int j = 0; j < look->answers[i]->nsubscriptions; j++)
			add_number(&numbers, look->answers[i]->subscriptions[j], i);
	qlm_subscription_buffered(numbers.ids, n, numbers.found);
	for (int i = 0; i < n; i++)
		if (numbers.found[i])
			look->due[numbers.of[i]] = true;
}

/* A forwarded request is due once the last of its nodes has answered. */
static void
look_for_answers(QlmHeldDue *look)
{
	Numbers		numbers;
	int			n = 0;

	for (int i = 0; i < look->n; i++)
		n += look->answers[i]->nawaited;
	if (n == 0)
		return;
	numbers = make_numbers(n);
	for (int i = 0; i < look->n; i++)
	{
		if (look->answers[i]->nawaited > 0)
			look->due[i] = true;
		for (int j = 0; j < look->answers[i]->nawaited; j++)
			add_number(&numbers, look->answers[i]->awaited[j].message_id, i);
	}
	qlm_outbox_pending(numbers.ids, n, numbers.found);
	for (int i = 0; i < n; i++)
		if (numbers.found[i])
			look->due[numbers.of[i]] = false;
}

void
qlm_held_due(void *arg)
{
	QlmHeldDue *look = arg;

	memset(look->due, 0, look->n * sizeof(bool));
	look->available = qlm_worker_can_serve();
	if (!look->available)
		return;
	qlm_storage_begin();
	look_for_rows(look);
	look_for_values(look);
	look_for_answers(look);
	qlm_storage_end();
}
