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

#define QLM_NODE_PLACE_TEXT	256
#define QLM_NODE_PLACE_REASON 256

/* What is found here, or was when the marker was written */
typedef struct QlmNodePlace
{
	char		name[QLM_NODE_PLACE_TEXT];	/* qlm.place; empty: it is found out */
	uint64		system_identifier;
	Oid			database_id;
	int			timeline;
	char		machine[QLM_NODE_PLACE_TEXT];	/* empty: it has no id */
	char		host[QLM_NODE_PLACE_TEXT];
	char		directory[MAXPGPATH];
	uint64		inode;			/* of the data directory; 0: means nothing there */
	int64		born;			/* when that was made, in ns; 0: not known */
	char		file_system[QLM_NODE_PLACE_TEXT];	/* empty: it has no id */
	char		disk[QLM_NODE_PLACE_TEXT];	/* empty: it has no id */
} QlmNodePlace;

/* qlm.outgoing and qlm.place */
extern bool qlm_outgoing;
extern char *qlm_node_place_name;

/* What is found here.  Not while the server recovers. */
extern const QlmNodePlace *qlm_node_place_here(void);

/*
 * At the start of the server, when the library is preloaded: is it a standby?  That
 * is remembered in the data directory, as a restart may come soon after the promotion.
 */
extern void qlm_node_place_note_start(void);
extern bool qlm_node_place_was_standby(void);

typedef enum QlmNodePlaceVerdict
{
	QLM_NODE_PLACE_SAME,				/* it is where it was */
	QLM_NODE_PLACE_MOVED,			/* and elsewhere than the marker says, rightly */
	QLM_NODE_PLACE_UNKNOWN,			/* there is no marker */
	QLM_NODE_PLACE_COPY				/* it holds */
} QlmNodePlaceVerdict;

/* Of a marker that came with its table; why: what to say of it */
extern QlmNodePlaceVerdict qlm_node_place_compare(const QlmNodePlace *marker,
												  const QlmNodePlace *here, bool carried,
												  char why[QLM_NODE_PLACE_REASON]);

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

/* From now on the rows are this node's.  Returns whether it held. */
extern bool qlm_node_place_adopt(void);

/* Rows have come that were another node's. */
extern void qlm_node_place_arrived(const char *how);

#endif							/* QLM_NODE_PLACE_H */
