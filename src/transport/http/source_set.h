/*
 * source_set.h
 *		The addresses that have connections to an HTTP server, what each of
 *		them takes, and who has to go when there is no room.
 *
 * Nothing here raises an error once the set is created.
 */
#ifndef QLM_SOURCE_SET_H
#define QLM_SOURCE_SET_H

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "base/client_address.h"
#include "transport/http/body_budget.h"

struct sockaddr;

/* What a connection does; those that are missed least come first. */
typedef enum QlmStay
{
	QLM_STAY_INCOMPLETE,		/* its request has not come completely, or begun */
	QLM_STAY_IDLE,				/* kept alive, waits for a further one */
	QLM_STAY_SILENT,			/* a WebSocket on which nothing was said yet */
	QLM_STAY_BUSY,
	QLM_STAY_GONE				/* it was told to go */
} QlmStay;

#define QLM_STAYS_EVICTABLE		QLM_STAY_BUSY

typedef struct QlmSource
{
	dlist_node	node;			/* in its bucket */
	uint64 key;
	bool		is_proxy;		/* many are behind it, or it is trusted */
	int			nrefs;			/* connections, those that are going too */
	int			nstaying;
	int			nevictable;
	dlist_head	stays[QLM_STAYS_EVICTABLE]; /* connections, oldest first */
	int			nwaiting;		/* requests in line */
	QlmBodyBudgetShare bodies;		/* under way */
} QlmSource;

/* Part of each connection */
typedef struct QlmGuest
{
	QlmSource  *source;			/* NULL: it is none any more */
	QlmStay		stay;
	TimestampTz since;			/* it stays so */
	dlist_node	node;
	bool		(*evict) (struct QlmGuest *guest);
} QlmGuest;

/* End it, a little later; false: something has just come from it. */
typedef bool (*QlmEvict) (QlmGuest *guest);

typedef struct QlmSourceSet
{
	MemoryContext context;
	dlist_head *buckets;
	int			nstaying;
	int			nevictable;
	TimestampTz told_at;		/* in the log, that somebody was refused */
} QlmSourceSet;

extern QlmSourceSet *qlm_source_set_create(MemoryContext context);

/*
 * May one more connection come from there?  It may be that another one is
 * evicted for it.
 */
extern bool qlm_source_set_admit(QlmSourceSet *set,
								 const struct sockaddr *address);

/* How many may be accepted, if others are evicted where that is needed */
extern int	qlm_source_set_room(QlmSourceSet *set);

/* There is no room, but there may soon be. */
extern bool qlm_source_set_is_tight(const QlmSourceSet *set);

/* A connection has come; false: no memory */
extern bool qlm_source_enter(QlmSourceSet *set, QlmGuest *guest,
							 const struct sockaddr *address, QlmEvict evict);

/* Another one from the same address, which takes over its place */
extern void qlm_source_enter_as(QlmSourceSet *set, QlmGuest *guest,
								QlmGuest *other, QlmEvict evict);
extern void qlm_source_leave(QlmSourceSet *set, QlmGuest *guest);
extern void qlm_source_stay(QlmSourceSet *set, QlmGuest *guest, QlmStay stay);

#endif							/* QLM_SOURCE_SET_H */
