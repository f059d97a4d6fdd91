/*
 * path_table.c
 *		Hash tables whose key is a path.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "storage/object/path_table.h"

static uint32
path_hash(const void *key, Size size)
{
	const char *path = *(const char *const *) key;

	return hash_bytes((const unsigned char *) path, strlen(path));
}

static int
path_compare(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

HTAB *
qlm_path_table(const char *name, Size entry_size)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(const char *);
	control.entrysize = entry_size;
	control.hash = path_hash;
	control.match = path_compare;
	control.hcxt = CurrentMemoryContext;
	return hash_create(name, 64, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}
