/*
 * doubt.c
 *		Rows that their receiver repeatedly answers with an error, or not at
 *		all.
 *
 * They are counted in memory: a new dispatcher counts from the start.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "storage/outbox/outbox.h"
#include "worker/dispatcher/doubt.h"

#define MAX_DOUBTS		5		/* failures of one row */
#define MAX_COUNTERS	10000	/* then all are forgotten */

typedef struct Counter
{
	int64		message_id;
	int			n;
	bool		is_unanswered;	/* the last failure was a missing answer */
} Counter;

static HTAB *counters = NULL;

static void
create_counters(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Counter);
	counters = hash_create("qlm doubts", 64, &control, HASH_ELEM | HASH_BLOBS);
}

static void
count(const QlmOutboxRow *row, bool is_unanswered)
{
	Counter    *counter;
	bool		found;

	if (counters && hash_get_num_entries(counters) >= MAX_COUNTERS)
	{
		hash_destroy(counters);
		counters = NULL;
	}
	if (counters == NULL)
		create_counters();
	counter = hash_search(counters, &row->message_id, HASH_ENTER, &found);
	counter->n = found ? counter->n + 1 : 1;
	counter->is_unanswered = is_unanswered;
}

static bool
is_enough(QlmOutboxRow *row)
{
	const Counter *counter = counters == NULL ? NULL :
		hash_search(counters, &row->message_id, HASH_FIND, NULL);

	row->is_unanswered = counter && counter->is_unanswered;
	return counter && counter->n >= MAX_DOUBTS;
}

List *
qlm_doubt_set_aside(QlmDoubts *doubts, List *rows, const char *why,
					bool is_unanswered)
{
	QlmOutboxRow *first = linitial(rows);
	int			n = 0;

	count(first, is_unanswered);
	while (n < list_length(rows) && is_enough(list_nth(rows, n)))
		n++;
	if (n == 0 || n == list_length(rows))
		return NIL;
	doubts->aside = list_concat(doubts->aside, list_copy_head(rows, n));
	doubts->posted = lappend(doubts->posted, first);
	doubts->why = pstrdup(why);
	return list_copy_tail(rows, n);
}

const char *
qlm_doubt_given_up(const QlmDoubts *doubts)
{
	return psprintf("given up after %d answers, as the next message was taken: %s",
					MAX_DOUBTS, doubts->why);
}

void
qlm_doubt_over(const QlmOutboxRow *row)
{
	if (counters)
		(void) hash_search(counters, &row->message_id, HASH_REMOVE, NULL);
}
