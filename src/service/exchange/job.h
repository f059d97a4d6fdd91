/*
 * job.h
 *		What is handed in to be run, whatever carried it, and what comes back:
 *		bytes and caller in, response out.
 */
#ifndef QLM_JOB_H
#define QLM_JOB_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#include "base/client_address.h"
#include "message/dialect.h"
#include "storage/write/write_counts.h"

/* A result of a held answer stands for what another node is to say. */
typedef struct QlmStandIn
{
	int64		message_id;		/* in the outbox */
	int			result;			/* the first such result */
	int			nresults;
	bool		device;			/* only what succeeds takes their place */
} QlmStandIn;

/*
 * An answer with nothing attached, for which something may come soon: what is
 * needed to go on with it then.
 */
typedef struct QlmHeldAnswer
{
	int			peer_id;		/* who called; 0: no peer */
	uint32		proof;			/* as the peer's was then */
	bool		by_queue;		/* its queue may bring something */
	const char *dialect;		/* of the request, text form */
	const char *text;			/* as it goes out if nothing comes */
	Size		text_len;
	int64		journal_no;		/* of the answer in the journal; 0: not there */
	TimestampTz received_at;

	/* A poll is run again, where its values have come. */
	bool		is_poll;
	int			nsubscriptions;
	const int64 *subscriptions; /* whose buffers may bring something */
	TimestampTz tick;			/* when an interval has passed; DT_NOEND: none */

	/* Sent on: it waits for all of these, and no longer than until. */
	int			nawaited;
	const QlmStandIn *awaited;
	TimestampTz until;
} QlmHeldAnswer;

/* Discovery: a GET below /Objects, instead of a message (protocol 9.2) */
typedef struct QlmDiscovery
{
	const char *path;			/* of the URL, but %2F and %25 not decoded */
	const char *accept;			/* headers; NULL: none */
	const char *if_none_match;
	const char *problem;		/* of the query; NULL: none */
	const char *version;		/* of it, as text; NULL: not given */
	const char *newest;
	const char *oldest;
	const char *begin;
	const char *end;

	/* What goes out. */
	const char *content_type;
	const char *etag;			/* NULL: none */
} QlmDiscovery;

/* Whether an answer is XML or JSON */
typedef enum QlmAnswerForm
{
	QLM_ANSWER_AS_ASKED,
	QLM_ANSWER_XML,
	QLM_ANSWER_JSON
} QlmAnswerForm;

/* Whose a WebSocket is, as far as it is known */
typedef struct QlmConnected
{
	int			peer_id;		/* 0: not known */
	uint32		proof;			/* as the peer's was then */
	const char *dialect;		/* of its last message, text form; NULL: none */
} QlmConnected;

typedef enum QlmJobKind
{
	QLM_JOB_MESSAGE,
	QLM_JOB_DISCOVERY,			/* a GET below /Objects */
	QLM_JOB_GREETING,			/* a WebSocket begins: whose is it? */
	QLM_JOB_HELD				/* go on with an answer that was held */
} QlmJobKind;

typedef struct QlmJob
{
	QlmJobKind	kind;

	/* What came in. */
	QlmDiscovery *discovery;	/* of that kind, in and out */
	const QlmHeldAnswer *held_answer;	/* of that kind */
	const char *body;
	Size		body_len;
	const char *body_problem;	/* why it holds no message; NULL: it may */
	const char *charset;		/* what the transport says; NULL: nothing */
	const char *authorization;	/* as in the HTTP header; NULL: none */
	const char *peer_name;		/* claimed, from the URL; NULL: none */
	const char *token;			/* of a callback URL of ours; NULL: none */
	const QlmClientAddress *client;	/* whose tries are watched; NULL: nobody's */
	bool		has_waited;		/* it was put off, and its time has come */
	bool		from_session;	/* an SQL call: the session's own rights */
	bool		trusted_peer;	/* peer_name was checked by the caller */
	QlmAnswerForm form;
	bool		may_wait;		/* the caller can hold the answer for a while */
	bool		may_hold;		/* and that of what is sent on to other nodes */
	bool		is_last;		/* held long enough: it is answered now */
	int			prefer_wait;	/* seconds that it would wait; 0: not said */
	bool		on_socket;		/* it came on a WebSocket */
	bool		answers_all;	/* where even what is stored is acknowledged */
	const char *connection;		/* the WebSocket that it came on; NULL: none */
	const QlmConnected *connected;	/* whose that is; NULL: not known */
	int64		journal_no;		/* its answer was held: in the journal; 0: not */
	TimestampTz received_at;	/* its answer was held: when it came */

	/* What goes out. */
	QlmWriteCounts *counts;		/* to add up what writes did; NULL: not wanted */
	MemoryContext answer_context;	/* for the answer alone; NULL: the current */
	StringInfoData answer;		/* an envelope, or what was to be seen;
								 * empty: none is sent */
	int			status;			/* HTTP's: 200, 400, 401, 413, 415, 500, 503, and
								 * of discovery 304 and 404 */
	bool		apart;			/* it was not run: it must run alone */
	int			pause_ms;		/* it was not run: it must wait, as somebody who
								 * guesses; 0: not so */
	bool		was_wrong;		/* so its caller may be guessing */
	bool		waits;			/* it may wait, now or before */
	QlmHeldAnswer *answer_to_hold;	/* it should wait now; NULL: answer at once */
	bool		pushes;			/* something may be pushed on its connection */
	QlmConnected *caller;		/* on a WebSocket: a peer; NULL: none */
} QlmJob;

/* Make an empty answer, where its memory is to come from. */
extern void qlm_job_begin_answer(QlmJob *job);

/* The answer is the one that was held, as it is. */
extern void qlm_job_give_held(QlmJob *job);

/* The media type of an answer */
extern const char *qlm_answer_media(const char *answer, Size len);

/* The ttl of an answer to a message of this dialect */
extern double qlm_answer_ttl(const QlmDialect *dialect);

#endif							/* QLM_JOB_H */
