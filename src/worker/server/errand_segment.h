/*
 * errand_segment.h
 *		What a server worker and the process that runs a large message for it
 *		share.
 */
#ifndef QLM_ERRAND_SEGMENT_H
#define QLM_ERRAND_SEGMENT_H

#include "port/atomics.h"
#include "storage/dsm.h"

#include "base/client.h"

typedef enum QlmErrandState
{
	QLM_ERRAND_WAITING,
	QLM_ERRAND_TAKEN,
	QLM_ERRAND_DONE,			/* and committed, or undone: there is an answer */
	QLM_ERRAND_FETCHED			/* so is the answer */
} QlmErrandState;

/* A text among the strings; 0: none */
typedef Size QlmErrandText;

typedef struct QlmErrandSegment
{
	pg_atomic_uint32 state;
	int			sender;			/* process number, and its id */
	int			sender_pid;
	int			taker;			/* process number, once it is taken */
	int			timeout_ms;

	/* What came in. */
	QlmClient	client;
	bool		has_waited;
	QlmErrandText charset;
	QlmErrandText authorization;
	QlmErrandText peer_name;
	QlmErrandText token;
	QlmErrandText body_problem;
	QlmErrandText body;
	Size		body_len;

	/* What goes out. */
	int			status;
	int			pause_ms;
	bool		was_wrong;
	Size		answer_len;
	dsm_handle	answer;

	char		strings[FLEXIBLE_ARRAY_MEMBER]; /* the first one is not used */
} QlmErrandSegment;

static inline const char *
qlm_errand_text(const QlmErrandSegment *segment, QlmErrandText text)
{
	return text ? segment->strings + text : NULL;
}

#endif							/* QLM_ERRAND_SEGMENT_H */
