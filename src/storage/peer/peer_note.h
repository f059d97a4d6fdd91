/*
 * peer_note.h
 *		What the node notes of a peer in its row: how it is doing, what it can, for how
 *		long it holds calls, and how it was called last.
 *
 * All of it becomes the owner inside and wakes nobody.  Where the transaction may not
 * write, nothing is noted, nor, but by qlm_peer_try, where somebody else is changing the
 * row: nobody is waited for.
 */
#ifndef QLM_PEER_NOTE_H
#define QLM_PEER_NOTE_H

#include "storage/peer/peer.h"

/* Setting, ms */
extern int	qlm_session_timeout;

/*
 * It called, in this dialect if one is given: keeps last_seen up to date, at most
 * every some seconds.  Returns whether it was away, that is silent for
 * qlm.session_timeout.
 */
extern bool qlm_peer_seen(QlmPeer *peer, const QlmDialect *dialect);

/* It answered a message: keeps last_success up to date, as seldom. */
extern void qlm_peer_succeeded(int peer_id);

/* It answered with our id, so it may get several requests at once. */
extern void qlm_peer_echoes_ids(QlmPeer *peer);

/*
 * It is tried whether it takes piggy-backed requests, with this one.  False: it
 * was before.
 */
extern bool qlm_peer_try(int peer_id, int64 message_id, const QlmDialect *dialect);

/* What came of that */
extern void qlm_peer_takes_nested(int peer_id, bool takes);

/* It acknowledges data, so what is not acknowledged is sent again. */
extern void qlm_peer_acknowledges(int peer_id);

/* It is asked to hold calls for so many seconds.  Returns whether that was noted. */
extern bool qlm_peer_note_hold(int peer_id, int seconds);

/* The same, since something on the way ended a call after cut_ms: by, what, in words */
extern bool qlm_peer_note_cut(int peer_id, int seconds, int cut_ms, const char *by);

typedef struct QlmWay
{
	const char *through;		/* proxy, without secrets; empty: none */
	const char *address;		/* that was connected to; empty: none */
	int			code;			/* HTTP status; 0: there was no answer */
	const char *words;			/* what the answer was, or why there is none */
} QlmWay;

/* It was called so.  Returns whether that was noted. */
extern bool qlm_peer_note_way(int peer_id, const QlmWay *way);

#endif							/* QLM_PEER_NOTE_H */
