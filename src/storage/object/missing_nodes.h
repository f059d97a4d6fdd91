/*
 * missing_nodes.h
 *		Makes the Objects and InfoItems that a write names and nobody has yet.
 */
#ifndef QLM_MISSING_NODES_H
#define QLM_MISSING_NODES_H

#include "message/odf.h"
#include "storage/object/node_bulk.h"
#include "storage/object/node_id_cache.h"

typedef struct QlmMissingNodes QlmMissingNodes;

/* What is found or made is added to the cache. */
extern QlmMissingNodes *qlm_missing_nodes_create(QlmNodeIdCache *cache);
extern int	qlm_missing_nodes_count(const QlmMissingNodes *missing);
extern const QlmNewNode *qlm_missing_nodes_get(const QlmMissingNodes *missing, int i);

/*
 * Remember a node, which is copied; returns the one that stands for its path.
 * That may be of the other kind, which is the caller's error to report.
 */
extern const QlmNewNode *qlm_missing_nodes_add(QlmMissingNodes *missing,
											   const QlmNewNode *node);

/* Look them up in the tables; returns how many are in the cache now. */
extern int	qlm_missing_nodes_find(QlmMissingNodes *missing);

/*
 * Make all of them and put them into the cache.  False if somebody else came
 * first with one: then nothing was made, and the caller must look again.
 */
extern bool qlm_missing_nodes_make(QlmMissingNodes *missing);

#endif							/* QLM_MISSING_NODES_H */
