/*
 * node_bulk.h
 *		New Objects and InfoItems into their tables, many at a time.
 */
#ifndef QLM_NODE_BULK_H
#define QLM_NODE_BULK_H

#include "storage/object/missing_nodes.h"

/*
 * Insert nodes of one kind and give them their ids.  Their parents must be new
 * in this transaction, or locked, or none: foreign keys are not checked.  False
 * if an INSERT must do it, since it would do more than this or may not be done.
 */
extern bool qlm_node_bulk_insert(QlmNewNode **nodes, int n);

#endif							/* QLM_NODE_BULK_H */
