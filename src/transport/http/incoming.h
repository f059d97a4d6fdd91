/*
 * incoming.h
 *		A request while it arrives: the framing guard, the bounds, the one
 *		copy of its body.
 *
 * Called from inside the HTTP library: nothing here raises an error.
 */
#ifndef QLM_INCOMING_H
#define QLM_INCOMING_H

#include "base/origin.h"
#include "transport/coding/compress.h"
#include "transport/coding/header.h"
#include "transport/http/body_budget.h"
#include "transport/http/http_request.h"
#include "transport/http/incoming_head.h"

typedef struct QlmBuffer
{
	char	   *data;
	Size		size;
} QlmBuffer;

/* Kept from one request of a connection to the next, for its memory */
typedef struct QlmIncoming
{
	QlmHttpRequest request;		/* first: what others see of it */
	MemoryContext context;
	QlmBodyBudget *budget;
	QlmBodyBudgetShare *share;	/* of its address, or NULL */
	QlmOriginVerdict origin;
	bool		origins_vary;	/* caches must tell origins apart */
	QlmAcceptCoding accept;
	QlmInflater *inflater;		/* of a compressed body */
	QlmRefusal	refusal;		/* set: the rest of the body is dropped */
	bool		is_form;
	bool		is_multipart;
	uint64		expected;		/* Content-Length, 0: not said */
	uint64		seen;
	QlmBuffer	query;			/* of the URL, as it is */
	QlmBuffer	text;			/* path and headers */
	QlmBuffer	body;			/* and then the answer */
	char		problem[320];	/* why the body holds no message */
	char		charset[32];
} QlmIncoming;

/*
 * A request line has come: note its URL, before the library takes it apart.
 * Without memory the request is refused as it begins.
 */
extern void qlm_incoming_url(QlmIncoming *incoming, const char *url);

/* All headers are there; a refusal must be answered before the body comes. */
extern QlmRefusal qlm_incoming_begin(QlmIncoming *incoming,
									 const QlmIncomingHead *head);

/*
 * Read a body that is refused to its end, and answer then?  Many clients take
 * no answer before they have sent all, and what is unread when a connection is
 * closed ends it for them before the answer came.
 */
extern bool qlm_incoming_reads_on(QlmIncoming *incoming,
								  const QlmIncomingHead *head,
								  QlmRefusal refusal);

/* A piece of the body; false: it never ends, cut the connection. */
extern bool qlm_incoming_add(QlmIncoming *incoming, const char *data, Size len);

/* The body is complete. */
extern QlmRefusal qlm_incoming_finish(QlmIncoming *incoming);

/* The body is not needed any more. */
extern void qlm_incoming_forget_body(QlmIncoming *incoming);

/*
 * Put a small answer where the body was; NULL: no memory.  A large body is
 * given back.
 */
extern char *qlm_incoming_keep_answer(QlmIncoming *incoming,
									  const char *data, Size len);

/* Give back what is too large to keep, or everything. */
extern void qlm_incoming_shrink(QlmIncoming *incoming);
extern void qlm_incoming_free(QlmIncoming *incoming);

#endif							/* QLM_INCOMING_H */
