/*
 * dialog.h
 *		The calling end of a conversation: what to post to a peer, and what to
 *		do with what comes back, nested requests above all (protocol 7.3, 7.4).
 */
#ifndef QLM_DIALOG_H
#define QLM_DIALOG_H

#include "postgres.h"
#include "lib/stringinfo.h"

#include "storage/outbox/outbox.h"

/* An empty read, which fetches what the peer has for us */
extern void qlm_dialog_heartbeat(StringInfo body, const char *dialect);

/*
 * The body of an HTTP response to what was posted to a peer.  Nested requests
 * are executed with the peer's rights and their answers queued for it, or
 * taken from memory where the request was executed before.  answer (NULL: of
 * no interest): the results that are not nested requests, as an envelope.
 * store: the data in them are this node's too.
 * Returns the number of nested requests; *return_code is that of the first
 * result, 0 if the body is no message.  peer_id 0, or of one that is
 * gone: the body is only looked at.
 */
extern int	qlm_dialog_receive(int peer_id, const char *body, Size len,
							   int *return_code, char **answer, bool store);

/*
 * The text of a message as it leaves: a request in the dialect of the peer,
 * with what remains of its ttl; data for a callback as they are.
 */
extern char *qlm_dialog_outgoing(int peer_id, const QlmOutboxRow *row);

#endif							/* QLM_DIALOG_H */
