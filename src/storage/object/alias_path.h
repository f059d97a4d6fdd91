/*
 * alias_path.h
 *		Paths that name nodes by aliases, and the nodes' own paths.
 */
#ifndef QLM_ALIAS_PATH_H
#define QLM_ALIAS_PATH_H

typedef struct QlmAliasPath
{
	int			number;			/* of the path that was asked for */
	const char *path;			/* the same by first ids and names */
} QlmAliasPath;

/*
 * Find the nodes' own paths of n paths, as the current user.  A path that exists by first ids
 * has no other.  In any other each id that is an alias is replaced, also if what follows it
 * does not exist yet.  Returns how many paths were found, in order of their numbers.  there,
 * unless it is NULL: whether path i exists as it was given.
 */
extern int	qlm_alias_paths(const char **paths, int n, bool *there,
							QlmAliasPath **found);

#endif							/* QLM_ALIAS_PATH_H */
