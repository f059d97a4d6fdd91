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
 * Does this node hold what leaves, because its rows may belong to another node?  These
 * need SPI.  This one is cheap: it looks again only after qlm.place has changed.
 */
extern bool qlm_node_place_holds(void);

/*
 * The same, always looked up.  Rows of other transactions become visible a moment before
 * their invalidations arrive.  So a process that has taken messages out of the queue calls
 * this before it commits: if restored rows were among them, so is their row of qlm.place.
 */
extern bool qlm_node_place_holds_now(void);

/* Why it holds, in words */
extern const char *qlm_node_place_why(void);

/* Write the marker if there is none, or if it is out of date. */
extern void qlm_node_place_note(void);

#endif							/* QLM_NODE_PLACE_H */
