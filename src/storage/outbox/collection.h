/*
 * collection.h
 *		Requests with a callback that were sent on: what is to go there once all
 *		outbox rows that they wait for have ended.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_COLLECTION_H
#define QLM_STORAGE_COLLECTION_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef struct QlmCollection
{
	int64		request_id;
	Oid			role;			/* of whoever asked; InvalidOid: it is gone */
	int			peer_id;		/* that asked; 0: none */
	const char *peer;			/* its name */
	const char *callback;
	const char *envelope;		/* the answer if nobody answered */
	const char *dialect;		/* of the answer, text form */
	double		ttl;			/* of the request */
} QlmCollection;

/* The complete ones at $1, for FROM */
#define QLM_COLLECTION_COMPLETE \
	"qlm.gathering AS g WHERE NOT EXISTS (SELECT FROM qlm.outbox AS o" \
	" WHERE o.awaited_by = g.request_id AND (o.state IN ('queued', 'sent')) IS TRUE" \
	" AND (o.expires_at > $1) IS TRUE)"

extern void qlm_collection_add(const QlmCollection *collection);

/* Those of which no outbox row is still under way, at most max; locked */
extern List *qlm_collection_complete(int max);

extern void qlm_collection_end(int64 request_id);

#endif							/* QLM_STORAGE_COLLECTION_H */
