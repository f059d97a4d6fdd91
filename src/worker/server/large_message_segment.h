/*
 * large_message_segment.h
 *		What a server worker and the process that runs a large message for it
 *		share.
 */
#ifndef QLM_LARGE_MESSAGE_SEGMENT_H
#define QLM_LARGE_MESSAGE_SEGMENT_H

#include "port/atomics.h"
#include "storage/dsm.h"

#include "base/client_address.h"


typedef enum QlmLargeMessageState
{
	QLM_LARGE_MESSAGE_WAITING,
	QLM_LARGE_MESSAGE_TAKEN,
	QLM_LARGE_MESSAGE_DONE,			/* and committed, or undone: there is an answer */
	QLM_LARGE_MESSAGE_FETCHED			/* so is the answer */
} QlmLargeMessageState;

/* A text among the strings; 0: none */
typedef Size QlmLargeMessageText;

typedef struct QlmLargeMessageSegment
{
	pg_atomic_uint32 state;
	int			sender;			/* process number, and its id */
	int			sender_pid;
	int			taker;			/* process number, once it is taken */
	int			timeout_ms;

	/* What came in. */
	QlmClientAddress client;
	bool		has_waited;
	QlmLargeMessageText charset;
	QlmLargeMessageText authorization;
	QlmLargeMessageText peer_name;
	QlmLargeMessageText token;
	QlmLargeMessageText body_problem;
	QlmLargeMessageText body;
	Size		body_len;

	/* What goes out. */
	int			status;
	int			pause_ms;
	bool		was_wrong;
	Size		answer_len;
	dsm_handle	answer;

	char		strings[FLEXIBLE_ARRAY_MEMBER]; /* the first one is not used */
} QlmLargeMessageSegment;

static inline const char *
qlm_large_message_text(const QlmLargeMessageSegment *segment, QlmLargeMessageText text)
{
	return text ? segment->strings + text : NULL;
}

#endif							/* QLM_LARGE_MESSAGE_SEGMENT_H */
