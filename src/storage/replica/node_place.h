/*
 * node_place.h
 *		Where a node is, and whether it is where it was: a second node with the same
 *		rows must not believe that it is the first.
 *
 * The marker is a row of qlm.place.  It says things that a copy of the database,
 * of the data directory or of the disk does not bring along.  As long as rows
 * and facts do not agree the node holds all that leaves it, until qlm_adopt().
 */
#ifndef QLM_NODE_PLACE_H
#define QLM_NODE_PLACE_H

#include "postgres.h"

/* Setting qlm.outgoing */
extern bool qlm_outgoing;

/*
 * Does this node hold, since it is not known to be the one that its rows belong
 * to?  These need SPI; the first is cheap.
 */
extern bool qlm_node_place_holds(void);

/*
 * The same, looked up.  Rows are visible a moment before others are told that they
 * have changed, so whoever has taken something out of the queue asks this before
 * it commits: what another node's rows came with is there then.
 */
extern bool qlm_node_place_holds_now(void);
extern const char *qlm_node_place_why(void);

/* Write the marker where it may be: there is none, or what it says is old. */
extern void qlm_node_place_note(void);

#endif							/* QLM_NODE_PLACE_H */
