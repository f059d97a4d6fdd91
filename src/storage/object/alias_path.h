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
 * What do paths cover that is called otherwise?  A path that is there by first
 * ids covers that alone; of any other each id that is an alias is replaced, also
 * where what follows is not there yet.  As the current user.  Returns how many
 * there are, in order of their numbers; there[i], unless NULL: path i is there.
 */
extern int	qlm_alias_paths(const char **paths, int n, bool *there,
							QlmAliasPath **found);

#endif							/* QLM_ALIAS_PATH_H */
