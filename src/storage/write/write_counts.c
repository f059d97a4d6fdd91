/*
 * write_counts.c
 *		Counts of a write that its answer mentions.
 */
#include "postgres.h"

#include "storage/write/write_counts.h"

static void
name_path(QlmWriteCount *count, const char *path)
{
	if (count->nnamed == QLM_WRITE_COUNT_NAMED)
		return;
	for (int i = 0; i < count->nnamed; i++)
		if (strcmp(count->paths[i], path) == 0)
			return;
	count->paths[count->nnamed++] = pstrdup(path);
}

void
qlm_write_count_add(QlmWriteCount *count, int64 n, const char *path)
{
	count->n += n;
	if (path != NULL)
		name_path(count, path);
}

static void
add_count(QlmWriteCount *count, const QlmWriteCount *more)
{
	count->n += more->n;
	for (int i = 0; i < more->nnamed; i++)
		name_path(count, more->paths[i]);
}

void
qlm_write_counts_add(QlmWriteCounts *counts, const QlmWriteCounts *more)
{
	counts->received += more->received;
	counts->repeated += more->repeated;
	add_count(&counts->superseded, &more->superseded);
	add_count(&counts->replaced, &more->replaced);
	add_count(&counts->empty, &more->empty);
	add_count(&counts->made, &more->made);
	add_count(&counts->ahead, &more->ahead);
	counts->latest = Max(counts->latest, more->latest);
}
