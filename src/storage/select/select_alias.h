/*
 * select_alias.h
 *		Nodes that a request names, by their aliases, too.
 */
#ifndef QLM_SELECT_ALIAS_H
#define QLM_SELECT_ALIAS_H

#include "storage/select/wanted_tree.h"

/*
 * Look up all nodes that a request names, as the current user; those that are not there
 * are looked up by their aliases, which are replaced in the request.  nleaves: how many
 * leaves there are.
 */
extern QlmWantedTree *qlm_select_alias_find_nodes(QlmOdf *request, int *nleaves);

#endif							/* QLM_SELECT_ALIAS_H */
