/*
 * write_outcome.c
 *		Counts the outcome of each of many writes, as if they had been executed
 *		one after the other.
 *
 * Values are identified by their arrival, a number among all values.  Their
 * InfoItem is looked up in the tree at the end, and only if there is something
 * to report: so an ordinary write costs nothing here.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/path.h"
#include "storage/object/missing_nodes.h"
#include "storage/object/node_bulk.h"
#include "storage/value/value_row.h"
#include "storage/write/write_counts.h"
#include "storage/write/write_outcome.h"

/* Values to be named, of different InfoItems */
typedef struct Marks
{
	int			n;
	uint32		arrivals[QLM_WRITE_COUNT_NAMED];
	int			ids[QLM_WRITE_COUNT_NAMED];
} Marks;

typedef struct WriteMarks
{
	Marks		superseded;
	Marks		replaced;
} WriteMarks;

/* A value that replaced one of another write */
typedef struct Successor
{
	uint32		arrival;			/* arrival of this value */
	uint32		first;			/* arrival of the first value of that time */
} Successor;

struct QlmWriteOutcome
{
	QlmWrite   *writes;
	int			n;
	MemoryContext context;
	WriteMarks *marks;			/* one for each write; NULL: none */
	HTAB	   *successors;		/* NULL: none */
};

QlmWriteOutcome *
qlm_write_outcome_create(QlmWrite *writes, int n)
{
	QlmWriteOutcome *outcome = palloc0(sizeof(QlmWriteOutcome));

	outcome->writes = writes;
	outcome->n = n;
	outcome->context = CurrentMemoryContext;
	return outcome;
}

/*
 * Returns the last write that begins at this value or before; earlier ones at
 * the same value are empty.
 */
static int
write_of(const QlmWriteOutcome *outcome, uint32 arrival)
{
	int			low = 0;
	int			high = outcome->n;

	while (high - low > 1)
	{
		int			middle = low + (high - low) / 2;

		if (outcome->writes[middle].arrival <= arrival)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void
mark(Marks *marks, uint32 arrival, int info_item_id)
{
	if (marks->n == QLM_WRITE_COUNT_NAMED)
		return;
	for (int i = 0; i < marks->n; i++)
		if (marks->ids[i] == info_item_id)
			return;
	marks->arrivals[marks->n] = arrival;
	marks->ids[marks->n++] = info_item_id;
}

static WriteMarks *
marks_of(QlmWriteOutcome *outcome, int write)
{
	if (outcome->marks == NULL)
		outcome->marks = MemoryContextAllocZero(outcome->context,
											  outcome->n * sizeof(WriteMarks));
	return &outcome->marks[write];
}

static void
add_superseded(QlmWriteOutcome *outcome, uint32 arrival, int info_item_id)
{
	int			write = write_of(outcome, arrival);

	outcome->writes[write].counts.superseded.n++;
	mark(&marks_of(outcome, write)->superseded, arrival, info_item_id);
}

static void
add_replacing(QlmWriteOutcome *outcome, uint32 arrival, int info_item_id)
{
	int			write = write_of(outcome, arrival);

	outcome->writes[write].counts.replaced.n++;
	mark(&marks_of(outcome, write)->replaced, arrival, info_item_id);
}

/* Returns the arrival of the value that was compared with the stored one. */
static uint32
first_of(const QlmWriteOutcome *outcome, uint32 arrival)
{
	const Successor *successor = outcome->successors == NULL ? NULL :
		hash_search(outcome->successors, &arrival, HASH_FIND, NULL);

	return successor == NULL ? arrival : successor->first;
}

static void
note_successor(QlmWriteOutcome *outcome, uint32 arrival, uint32 first)
{
	Successor  *successor;

	if (outcome->successors == NULL)
	{
		HASHCTL		info = {0};

		info.keysize = sizeof(uint32);
		info.entrysize = sizeof(Successor);
		info.hcxt = outcome->context;
		outcome->successors = hash_create("qlm values in place of others", 64, &info,
										HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	successor = hash_search(outcome->successors, &arrival, HASH_ENTER, NULL);
	successor->first = first;
}

/*
 * Within one write the earlier value is superseded.  If they are of two
 * writes, the earlier one counts as stored.
 */
static void
add_pair(QlmWriteOutcome *outcome, const QlmValueRow *row, const QlmValueRow *later,
		 bool same)
{
	int			write = write_of(outcome, row->arrival);
	int			later_write = write_of(outcome, later->arrival);
	uint32		first = first_of(outcome, row->arrival);

	if (write != later_write || first != row->arrival)
		note_successor(outcome, later->arrival, first);
	if (same)
		outcome->writes[later_write].counts.repeated++;
	else if (write == later_write)
		add_superseded(outcome, row->arrival, row->info_item_id);
	else
		add_replacing(outcome, later->arrival, later->info_item_id);
}

void
qlm_write_outcome_add_value(void *arg, const QlmValueRow *row, const QlmValueRow *later,
							QlmValueFate fate)
{
	QlmWriteOutcome *outcome = arg;
	uint32		first;

	if (later != NULL)
	{
		add_pair(outcome, row, later, fate == QLM_VALUE_REPEATED);
		return;
	}
	first = first_of(outcome, row->arrival);
	if (fate == QLM_VALUE_REPLACES)
		add_replacing(outcome, first, row->info_item_id);
	else
		outcome->writes[write_of(outcome, first)].counts.repeated++;
}

/* Did the Object exist before the write, or was it created by another write? */
static bool
is_in_known_object(const QlmNewNode *node)
{
	return node->parent == NULL || node->parent->write != node->write;
}

void
qlm_write_outcome_add_made(QlmWriteOutcome *outcome, const QlmMissingNodes *missing)
{
	MemoryContext caller = MemoryContextSwitchTo(outcome->context);

	for (int i = 0; i < qlm_missing_nodes_count(missing); i++)
	{
		const QlmNewNode *node = qlm_missing_nodes_get(missing, i);

		node->write->makes = true;
		if (node->is_item && is_in_known_object(node))
			qlm_write_count_add(&node->write->counts.made, 1, node->path);
	}
	MemoryContextSwitchTo(caller);
}

/* The state of visiting the tree of a write */
typedef struct Visit
{
	QlmWrite   *write;
	const WriteMarks *marks;	/* NULL: none */
	uint32		arrival;			/* arrival of the next value */
	StringInfoData path;
} Visit;

static void
name_marked(QlmWriteCount *count, const Marks *marks, uint32 arrival, int nvalues,
			const char *path)
{
	for (int i = 0; i < marks->n; i++)
		if (marks->arrivals[i] >= arrival && marks->arrivals[i] - arrival < nvalues)
			qlm_write_count_add(count, 0, path);
}

/*
 * Is there neither a value nor anything else to report?  A new node without
 * values is complete when it is registered.
 */
static bool
says_nothing(const QlmWrite *write, const QlmInfoItem *item)
{
	return item->nvalues == 0 && item->type == NULL && item->alt_names == NULL &&
		item->descriptions == NULL && !item->has_meta_data &&
		item->attributes == NULL &&
		!(write->makes && write->odf->nvalues == 0);
}

static void
visit_item(Visit *visit, const QlmInfoItem *item)
{
	QlmWriteCounts *counts = &visit->write->counts;

	if (visit->marks)
	{
		name_marked(&counts->superseded, &visit->marks->superseded, visit->arrival,
					item->nvalues, visit->path.data);
		name_marked(&counts->replaced, &visit->marks->replaced, visit->arrival,
					item->nvalues, visit->path.data);
	}
	if (item->nempty > 0)
		qlm_write_count_add(&counts->empty, item->nempty, visit->path.data);
	else if (says_nothing(visit->write, item))
		qlm_write_count_add(&counts->empty, 1, visit->path.data);
	visit->arrival += item->nvalues;
}

/* Visits values in the order of their arrivals. */
static void
visit_object(Visit *visit, const QlmObject *object)
{
	int			len = visit->path.len;

	check_stack_depth();
	for (const QlmInfoItem *item = object->items; item; item = item->next)
	{
		qlm_path_append(&visit->path, item->name);
		visit_item(visit, item);
		visit->path.len = len;
		visit->path.data[len] = '\0';
	}
	for (const QlmObject *child = object->objects; child; child = child->next)
	{
		qlm_path_append(&visit->path, child->ids->text);
		visit_object(visit, child);
		visit->path.len = len;
		visit->path.data[len] = '\0';
	}
}

void
qlm_write_outcome_finish(QlmWriteOutcome *outcome)
{
	MemoryContext caller = MemoryContextSwitchTo(outcome->context);

	for (int i = 0; i < outcome->n; i++)
	{
		Visit		visit = {&outcome->writes[i]};

		if (visit.write->error_code != 0)
			continue;
		visit.write->counts.received = visit.write->odf->nvalues;
		visit.write->counts.empty.n = visit.write->odf->nempty;
		visit.marks = outcome->marks ? &outcome->marks[i] : NULL;
		if (!visit.write->lacks && (visit.marks == NULL ||
									visit.marks->superseded.n + visit.marks->replaced.n == 0))
			continue;
		visit.arrival = visit.write->arrival;
		initStringInfo(&visit.path);
		visit_object(&visit, &visit.write->odf->root);
		pfree(visit.path.data);
	}
	MemoryContextSwitchTo(caller);
}
