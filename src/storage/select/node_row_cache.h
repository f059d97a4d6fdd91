/*
 * node_row_cache.h
 *		Rows of Objects and InfoItems that this process has read before.
 *
 * Only a user who may read all rows of the tables is given what is kept.  Others read the
 * tables, as do transactions that have one snapshot for all their statements.  That a node
 * does not exist is not remembered.
 */
#ifndef QLM_NODE_ROW_CACHE_H
#define QLM_NODE_ROW_CACHE_H

#include "storage/select/node_row.h"

/*
 * Before a lookup: forget what others have changed.  Says whether the current
 * user may be given what is kept; if not, the other two must not be called.
 */
extern bool qlm_node_row_cache_begin(void);

/* A copy, but for the path, which is the given one; NULL: not kept */
extern QlmNodeRow *qlm_node_row_cache_find(const char *path, bool is_item);

/* Keep a copy of a row that was read since begin. */
extern void qlm_node_row_cache_add(const QlmNodeRow *row);

#endif							/* QLM_NODE_ROW_CACHE_H */
