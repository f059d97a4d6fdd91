/*
 * path_map.c
 *		Finds the entry of a path, or of the nearest path above it.
 *
 * A sorted array: one binary search for each level of the path.
 */
#include "postgres.h"

#include "base/path_map.h"

void
qlm_path_map_add(QlmPathMap *map, const char *path, void *data)
{
	if (map->capacity == 0)
	{
		map->capacity = 16;
		map->entries = palloc(map->capacity * sizeof(QlmPathEntry));
	}
	else if (map->n == map->capacity)
	{
		map->capacity *= 2;
		map->entries = repalloc_huge(map->entries,
									 map->capacity * sizeof(QlmPathEntry));
	}
	map->entries[map->n].path = path;
	map->entries[map->n].data = data;
	map->n++;
}

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const QlmPathEntry *) a)->path,
				  ((const QlmPathEntry *) b)->path);
}

void
qlm_path_map_sort(QlmPathMap *map)
{
	if (map->n > 1)
		qsort(map->entries, map->n, sizeof(QlmPathEntry), compare_entries);
}

/* Compares an entry's path with the first len bytes of another path. */
static int
compare_prefix(const char *entry, const char *path, int len)
{
	int			order = strncmp(entry, path, len);

	return order != 0 ? order : (entry[len] == '\0' ? 0 : 1);
}

static int
lower_bound(const QlmPathMap *map, const char *path, int len)
{
	int			low = 0;
	int			high = map->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_prefix(map->entries[middle].path, path, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

List *
qlm_path_map_find(const QlmPathMap *map, const char *path)
{
	List	   *found = NIL;
	int			len = strlen(path);

	for (;;)
	{
		for (int i = lower_bound(map, path, len);
			 i < map->n && compare_prefix(map->entries[i].path, path, len) == 0;
			 i++)
			found = lappend(found, &map->entries[i]);
		if (len == 0)
			return found;
		while (len > 0 && path[len - 1] != '/')
			len--;
		if (len > 0)
			len--;
	}
}
