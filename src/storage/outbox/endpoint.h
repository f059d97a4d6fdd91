/*
 * endpoint.h
 *		How endpoints fare.  Used by delivery*.c only; expects the owner's rights.
 */
#ifndef QLM_STORAGE_ENDPOINT_H
#define QLM_STORAGE_ENDPOINT_H

#include "storage/outbox/lease.h"

/* Pauses vary by this part of them in both directions. */
#define QLM_PAUSE_JITTER 0.25

/*
 * What a peer took and has not acknowledged comes before all that follows: is
 * there such of this peer at this URL?
 */
#define QLM_ENDPOINT_IS_HELD(url, peer, now) \
	"(SELECT h.state = 'sent' AND h.kind = 'response' AND NOT h.posting" \
	" AND (h.next_attempt_at > " now ") IS TRUE FROM qlm.outbox h WHERE h.url = " url \
	" AND h.peer_id = " peer " AND h.state IN ('queued', 'sent') ORDER BY h.priority DESC, h.seq LIMIT 1)"

/*
 * The header value: a bare secret is shown as a token; otherwise it is the
 * whole of it.
 */
extern char *qlm_endpoint_authorization(char *secret);

/* So many messages have arrived. */
extern void qlm_endpoint_delivered(const QlmEndpoint *endpoint, int n);

/*
 * So many messages were refused, by the endpoint or before they got there; no
 * pause.  The first time in a row it is logged.
 */
extern void qlm_endpoint_refused(const QlmEndpoint *endpoint,
								 const char *reason, int n);

/*
 * A message has not arrived; returns until when the endpoint pauses, for
 * retry_after seconds if that is longer than it would.  once_more: not at all if
 * it is the first that fails.
 */
extern TimestampTz qlm_endpoint_failed(const QlmEndpoint *endpoint,
									   const char *reason, int retry_after,
									   bool once_more);

/*
 * Delete up to max rows of endpoints that nobody uses, the oldest, where there
 * are many (outbox_trim.c).
 */
extern int	qlm_endpoint_trim(int max);

#endif							/* QLM_STORAGE_ENDPOINT_H */
