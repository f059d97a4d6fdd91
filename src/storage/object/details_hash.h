/*
 * details_hash.h
 *		Hash of what describes a node, by which a message that repeats it is told
 *		in a moment.
 */
#ifndef QLM_DETAILS_HASH_H
#define QLM_DETAILS_HASH_H

#include "message/odf.h"

/* What it consists of, besides what nodes have in their own row */
typedef struct QlmDetailsParts
{
	bool		columns;
	bool		ids;
	bool		meta_data;
} QlmDetailsParts;

/* 0: there is nothing that could be stored.  parts: of what it consists */
extern uint64 qlm_details_object_hash(const QlmObject *object,
									  QlmDetailsParts *parts);
extern uint64 qlm_details_item_hash(const QlmInfoItem *item,
									QlmDetailsParts *parts);

#endif							/* QLM_DETAILS_HASH_H */
