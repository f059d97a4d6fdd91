/*
 * incoming_head.h
 *		What the headers of a request say, as they come.
 *
 * Called from inside the HTTP library: nothing here raises an error.
 */
#ifndef QLM_INCOMING_HEAD_H
#define QLM_INCOMING_HEAD_H

#include "base/forwarded.h"
#include "transport/coding/compress.h"

/* The texts belong to the library */
typedef struct QlmIncomingHead
{
	const char *method;
	const char *version;
	const char *path;
	const char *peer_name;
	const char *authorization;
	const char *content_type;
	const char *accept;
	const char *if_none_match;
	const char *origin;
	const char *host;
	const char *fetch_site;
	const char *fetch_mode;
	const char *accept_encoding;
	QlmForwarded forwarded;
	int			prefer_wait;	/* seconds, 0: not said */
	QlmCoding	coding;			/* of the body */
	uint64		length;
	int			lengths;		/* how many headers say a length */
	int			hosts;			/* and a host */
	bool		is_chunked;
	bool		expects_continue;	/* the body comes only if it is wanted */
	bool		is_bad;
	bool		is_ambiguous;	/* who asks is said twice */
} QlmIncomingHead;

/* Note one header; names are compared without case. */
extern void qlm_incoming_header(QlmIncomingHead *head,
								const char *name, Size name_len,
								const char *value, Size value_len);

/*
 * Is it clear where the body ends?  Where two readers could disagree, a proxy in
 * front and this one, the request is refused.
 */
extern bool qlm_incoming_is_framed(const QlmIncomingHead *head);

#endif							/* QLM_INCOMING_HEAD_H */
