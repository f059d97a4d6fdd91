/*
 * node_key.h
 *		What tells nodes of the tree apart: an Object and an InfoItem may have
 *		the same path.
 */
#ifndef QLM_NODE_KEY_H
#define QLM_NODE_KEY_H

#include "postgres.h"

#include "common/hashfn.h"

typedef struct QlmNodeKey
{
	const char *path;
	bool		is_item;
} QlmNodeKey;

static inline uint32
qlm_node_key_hash(QlmNodeKey key)
{
	return hash_bytes((const unsigned char *) key.path, strlen(key.path)) +
		key.is_item;
}

static inline bool
qlm_node_key_equal(QlmNodeKey a, QlmNodeKey b)
{
	return a.is_item == b.is_item && strcmp(a.path, b.path) == 0;
}

#endif							/* QLM_NODE_KEY_H */
