/*
 * path_table.h
 *		Hash tables whose key is a path.
 */
#ifndef QLM_PATH_TABLE_H
#define QLM_PATH_TABLE_H

#include "utils/hsearch.h"

/*
 * In the current memory context; the path is the first member of an entry, a
 * const char * that is kept, not copied.
 */
extern HTAB *qlm_path_table(const char *name, Size entry_size);

#endif							/* QLM_PATH_TABLE_H */
