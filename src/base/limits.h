/*
 * limits.h
 *		Every bound that hostile input meets, in one place.
 *
 * Settings (the variables) are registered in settings.c; bounds that
 * nobody should have to tune are constants.
 */
#ifndef QLM_LIMITS_H
#define QLM_LIMITS_H

/* Settings of the same name (docs/settings.md) */
extern int	qlm_max_message_size;	/* bytes */
extern int	qlm_max_depth;			/* nested XML elements */
extern int	qlm_max_values;			/* values, and Objects plus InfoItems, in
									 * one message */
extern int	qlm_max_answer_size;	/* bytes */
extern int	qlm_max_future;			/* seconds; not above 0: no limit */
extern int	qlm_piggyback_max;		/* messages in one response */
extern int	qlm_piggyback_max_size; /* bytes of them in one response */
extern int	qlm_retry_delay;		/* ms until a message is sent again */
extern int	qlm_retry_max_delay;	/* ms, however often it has failed */
extern int	qlm_poll_buffer_max;	/* values kept for a poll, a subscription */
extern int	qlm_max_subscriptions;	/* of one caller; 0: no limit */
extern int	qlm_max_anonymous_subscriptions;	/* of all without a peer */
extern int	qlm_max_queued;			/* messages of one caller; 0: no limit */
extern int	qlm_finished_kept;		/* newest ended messages of each kind */

/* Times that are told of: clocks differ by less, and zones by more. */
#define QLM_FAR_AHEAD	(INT64CONST(600) * 1000000)	/* microseconds */

/* An id or a name in a path; a whole path must fit a btree entry. */
#define QLM_MAX_NAME			1000
#define QLM_MAX_PATH			2500
#define QLM_MAX_URL				2000

#define QLM_MAX_LARGE_MESSAGES	16	/* times qlm.max_message_size: what bodies
									 * take in a worker while they arrive */

#define QLM_MAX_LARGE_ANSWERS	4	/* times qlm.max_answer_size: what answers
									 * take in a worker until they have left */

#define QLM_MAX_ATTRIBUTES		64
#define QLM_MAX_ATTRIBUTE_SIZE	(64 * 1024)
#define QLM_MAX_TAG_SIZE		(128 * 1024)
#define QLM_MAX_XML_NAMES		10000	/* different ones in one message */
#define QLM_MAX_NAMESPACES		64	/* declared around an element */
#define QLM_MAX_VERBS			1000	/* in one envelope */
#define QLM_MAX_RESULTS			10000	/* in one response */
#define QLM_MAX_REQUEST_IDS		10000	/* in one verb or result */
#define QLM_MAX_NODES			100		/* in one nodeList, and requests sent on
										 * for one envelope */
#define QLM_MAX_HOPS			4		/* nodes that may send a request on */
#define QLM_MAX_FORWARD_WAIT	60		/* seconds that a request is held for them */
#define QLM_MAX_KEPT			86400	/* seconds that an answer, or data for a
										 * callback, waits to be taken */
#define QLM_MAX_LEVELS			1000000 /* of maxlevels: as good as all */
#define QLM_MAX_HTTP_HEADERS	(64 * 1024) /* of an answer from elsewhere */

#endif							/* QLM_LIMITS_H */
