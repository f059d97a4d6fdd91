/*
 * rounds.h
 *		Dialogs in which each answer that is posted brings the next request.
 */
#ifndef QLM_ROUNDS_H
#define QLM_ROUNDS_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#define QLM_MAX_ROUNDS	32		/* protocol 7.4.10 */

/* The acknowledgement of what was posted there brought so many requests. */
extern void qlm_rounds_note(const char *endpoint_key, int nrequests);

/* Endpoints that rest now (char *), and when the next of them is done */
extern List *qlm_rounds_resting(void);
extern TimestampTz qlm_rounds_due(void);

#endif							/* QLM_ROUNDS_H */
