/*
 * path_map.h
 *		Finds the entry of a path, or of the nearest path above it.
 */
#ifndef QLM_PATH_MAP_H
#define QLM_PATH_MAP_H

#include "nodes/pg_list.h"

typedef struct QlmPathEntry
{
	const char *path;
	void	   *data;
} QlmPathEntry;

/* All zero: empty.  Lives in the memory context of the first addition. */
typedef struct QlmPathMap
{
	int			n;
	int			capacity;
	QlmPathEntry *entries;
} QlmPathMap;

/* The path is kept, not copied.  Sort after the last addition. */
extern void qlm_path_map_add(QlmPathMap *map, const char *path, void *data);
extern void qlm_path_map_sort(QlmPathMap *map);

/* Entries (const QlmPathEntry *) at the path or above it, nearest first */
extern List *qlm_path_map_find(const QlmPathMap *map, const char *path);

#endif							/* QLM_PATH_MAP_H */
