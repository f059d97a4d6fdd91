/*
 * catalog_missing.h
 *		What has become of the extension where its tables are not found.
 */
#ifndef QLM_CATALOG_MISSING_H
#define QLM_CATALOG_MISSING_H

/*
 * Why are these relations not there, in words?  hint: what to do.  Returns false if
 * there is no such extension at all, which is no damage.
 */
extern bool qlm_catalog_missing(const char *const *names, int n,
								const char **why, const char **hint);

#endif							/* QLM_CATALOG_MISSING_H */
