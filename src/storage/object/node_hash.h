/*
 * node_hash.h
 *		What tells nodes of the tree apart: an Object and an InfoItem may have
 *		the same path.
 */
#ifndef QLM_NODE_HASH_H
#define QLM_NODE_HASH_H

#include "postgres.h"

#include "common/hashfn.h"

typedef struct QlmNodeHashKey
{
	const char *path;
	bool		is_item;
} QlmNodeHashKey;

static inline uint32
qlm_node_hash_value(QlmNodeHashKey key)
{
	return hash_bytes((const unsigned char *) key.path, strlen(key.path)) +
		key.is_item;
}

static inline bool
qlm_node_hash_equal(QlmNodeHashKey a, QlmNodeHashKey b)
{
	return a.is_item == b.is_item && strcmp(a.path, b.path) == 0;
}

#endif							/* QLM_NODE_HASH_H */
