/*
 * endpoint_due.h
 *		Endpoints that have something due.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_ENDPOINT_DUE_H
#define QLM_STORAGE_ENDPOINT_DUE_H

#include "nodes/pg_list.h"

/*
 * Endpoints that have something due and are not paused; busy: keys of those that
 * are being served (char *).  Due are rows with a url, and those without one
 * for a peer that has a url.  Those that have answered come before those that
 * nobody knows, and these before those that failed; among them those of each
 * asker and host in turn, and of one those that waited longest first.
 *
 * It looks at each URL of the queue.  until: the number up to which rows
 * have been seen.
 */
extern List *qlm_endpoint_due(List *busy, int max, int64 *until);

/*
 * The same, looking only at what was queued after that number, and at no more
 * than max rows.  What a transaction numbered before and committed later is
 * missed.
 */
extern List *qlm_endpoint_due_since(List *busy, int max, int64 after);

#endif							/* QLM_STORAGE_ENDPOINT_DUE_H */
