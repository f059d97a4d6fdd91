/*
 * catalog_missing.h
 *		Explains why the tables of the extension are not found.
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
