/*
 * path.h
 *		O-DF paths: ids joined by '/', with %2F for '/' and %25 for '%' in an id.
 */
#ifndef QLM_PATH_H
#define QLM_PATH_H

#include "lib/stringinfo.h"

/*
 * Split a path as a user writes it ("Objects/A/B", "/A/B/", "A%2FB/c") into
 * its ids, decoded and trimmed, in palloc'd memory.  Returns the number of
 * ids (0: all Objects), or -1 with *error set to a sentence that says what is
 * wrong (an empty id, a bad escape, an id or path too long).
 */
extern int	qlm_path_split(const char *path, char ***ids, const char **error);

/* Append one id to a path under construction, escaped, with '/' if needed. */
extern void qlm_path_append(StringInfo path, const char *id);

/* Is it spelt as the tables hold paths: by append, without "Objects" in front? */
extern bool qlm_path_is_stored(const char *path);

/* Does the path lie at or below the ancestor?  An empty ancestor is the root. */
extern bool qlm_path_is_below(const char *path, const char *ancestor);

#endif							/* QLM_PATH_H */
