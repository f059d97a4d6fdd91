/*
 * node_place_compare.h
 *		Is this the node that a marker is of, or a copy of it?
 */
#ifndef QLM_NODE_PLACE_COMPARE_H
#define QLM_NODE_PLACE_COMPARE_H

#include "storage/replica/node_place_here.h"

#define QLM_NODE_PLACE_REASON 256

typedef enum QlmNodePlaceVerdict
{
	QLM_NODE_PLACE_SAME,				/* it is where it was */
	QLM_NODE_PLACE_MOVED,			/* and elsewhere than the marker says, rightly */
	QLM_NODE_PLACE_UNKNOWN,			/* there is no marker */
	QLM_NODE_PLACE_COPY				/* it holds */
} QlmNodePlaceVerdict;

/*
 * What is here, compared with a marker.  carried: the marker came with its table, as a
 * copy of files brings it.  why: what to say of it
 */
extern QlmNodePlaceVerdict qlm_node_place_compare(const QlmNodePlace *marker,
												  const QlmNodePlace *here, bool carried,
												  char why[QLM_NODE_PLACE_REASON]);

#endif							/* QLM_NODE_PLACE_COMPARE_H */
