/*
 * peer_way.h
 *		How a peer was called last, in its row.
 */
#ifndef QLM_PEER_WAY_H
#define QLM_PEER_WAY_H

typedef struct QlmWay
{
	const char *through;		/* proxy, without secrets; empty: none */
	const char *address;		/* that was connected to; empty: none */
	int			code;			/* HTTP status; 0: there was no answer */
	const char *words;			/* what the answer was, or why there is none */
} QlmWay;

/*
 * Becomes the owner inside, wakes nobody, and returns whether it was noted: it is
 * not where somebody else is changing the row.
 */
extern bool qlm_peer_note_way(int peer_id, const QlmWay *way);

#endif							/* QLM_PEER_WAY_H */
