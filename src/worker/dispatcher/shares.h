/*
 * shares.h
 *		Shares of the transfers that the dispatcher makes at the same time, so
 *		that servers that hang do not take all of them.
 */
#ifndef QLM_SHARES_H
#define QLM_SHARES_H

#include "storage/outbox/endpoint.h"

/* Whose a transfer is */
typedef struct QlmShare
{
	uint64		server;			/* host and port that it goes to */
	uint64		asker;
	bool		is_peer;		/* it goes to a known peer's URL */
	bool		is_proven;		/* that has answered before */
} QlmShare;

typedef enum QlmRoom
{
	QLM_ROOM,
	QLM_ROOM_LATER,				/* when another transfer to the server ends */
	QLM_ROOM_TAKEN				/* others who do not answer have it */
} QlmRoom;

extern QlmShare qlm_share_of(const QlmEndpoint *endpoint);

/* It or its server has answered when it was last asked. */
extern bool qlm_share_is_proven(const QlmShare *share);

/* Count anew: nobody has any of qlm.max_transfers. */
extern void qlm_shares_begin(void);
extern void qlm_shares_take(const QlmShare *share);

/* May there be one more of these? */
extern QlmRoom qlm_shares_room(const QlmShare *share);

/* The server has answered, whatever it said, or not at all. */
extern void qlm_shares_note(const QlmShare *share, bool answered);

#endif							/* QLM_SHARES_H */
