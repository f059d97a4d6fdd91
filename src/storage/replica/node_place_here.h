/*
 * node_place_here.h
 *		The properties of the place where this server runs.
 */
#ifndef QLM_NODE_PLACE_HERE_H
#define QLM_NODE_PLACE_HERE_H

#include "postgres.h"

#define QLM_NODE_PLACE_TEXT	256

/* Setting qlm.place; empty: it is found out */
extern char *qlm_node_place_name;

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

/* What is found here.  Not while the server recovers. */
extern const QlmNodePlace *qlm_node_place_here(void);

/*
 * At the start of the server, when the library is preloaded: is it a standby?  That
 * is remembered in the data directory, as a restart may come soon after the promotion.
 */
extern void qlm_node_place_note_start(void);
extern bool qlm_node_place_was_standby(void);

#endif							/* QLM_NODE_PLACE_HERE_H */
