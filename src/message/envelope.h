/*
 * envelope.h
 *		QLM-MI / O-MI envelopes as structs; text/envelope_text.h reads and
 *		writes them in every dialect.
 *
 * Pure: no database access, so that it can be fuzzed alone.
 */
#ifndef QLM_ENVELOPE_H
#define QLM_ENVELOPE_H

#include "nodes/pg_list.h"

#include "message/odf.h"

typedef enum QlmVerb
{
	QLM_READ,
	QLM_WRITE,
	QLM_CALL,
	QLM_DELETE,
	QLM_CANCEL,
	QLM_RESPONSE
} QlmVerb;

extern const char *qlm_verb_name(QlmVerb verb);

typedef struct QlmEnvelope QlmEnvelope;

/* One result of a response */
typedef struct QlmResult
{
	int			code;			/* returnCode; 0: missing or not a number */
	const char *description;	/* NULL: none */
	List	   *request_ids;	/* of const char * */
	const char *msgformat;		/* NULL: not given, or the dialect's */
	const char *target_type;	/* device, node; NULL: not given */
	QlmOdf	   *odf;			/* NULL: no O-DF payload */
	const char *opaque;			/* payload in another format, or NULL; with odf
								 * the same data, and the one that is printed */
	bool		opaque_xml;		/* it is XML, not plain text */
	int			unread_code;	/* why that is in no tree: 0, or a code and ... */
	const char *unread;			/* ... a sentence */
	List	   *nodes;			/* nodeList, of const char * */
	QlmEnvelope *nested;		/* piggy-backed request, or NULL */
	const char *nested_text;	/* as it stands in its result; NULL: not printed yet */
	const char *nested_error;	/* why a nested envelope was not understood */
} QlmResult;

/* One verb of an envelope */
typedef struct QlmRequest
{
	QlmVerb		verb;
	const char *callback;		/* trimmed; NULL: none */
	const char *msgformat;		/* as given; NULL: not given */
	bool		target_device;	/* targetType="device" */
	List	   *nodes;			/* nodeList, of const char * */
	List	   *request_ids;	/* of const char *, trimmed */
	QlmOdf	   *odf;			/* NULL: no O-DF payload */
	const char *opaque;			/* other payload, XML text or plain, or NULL;
								 * with odf as in a result */
	bool		opaque_xml;		/* it is XML, not plain text */
	bool		by_path;		/* odf names each leaf both as an Object and as
								 * an InfoItem */
	List	   *results;		/* of QlmResult *, of a response */

	/* attributes of a read, begin and end also of a delete; 0 and false: not given */
	bool		has_interval;
	double		interval;
	int			newest;
	int			oldest;
	int			max_levels;
	bool		all;
	bool		details;		/* qlmDetails: with what describes the nodes */
	bool		has_begin;
	bool		has_end;
	TimestampTz begin;
	TimestampTz end;

	/* A wrong attribute or part spoils only this verb. */
	int			error_code;		/* 0: none */
	const char *error;
} QlmRequest;

struct QlmEnvelope
{
	QlmDialect	dialect;		/* what to answer in */
	double		ttl;			/* seconds; -1: forever */
	const char *authorization;	/* envelope attribute; NULL: none */
	const char *hops;			/* qlmHops: nodes that sent it on; NULL: none */
	const char *key;			/* qlmRequest: the same for the same request
								 * that comes again; NULL: none */
	bool		acknowledge;	/* qlmAcknowledge: nested, it wants to be
								 * acknowledged; else its sender does that */
	List	   *requests;		/* of QlmRequest *, in document order */
};

/* Builders */
extern QlmEnvelope *qlm_envelope_create(const QlmDialect *dialect, double ttl);
extern QlmRequest *qlm_envelope_add_request(QlmEnvelope *envelope,
											QlmVerb verb);
extern QlmResult *qlm_request_add_result(QlmRequest *response, int code,
										 const char *description);

/* Does a returnCode say that it went well?  0, which says nothing, does not. */
extern bool qlm_code_is_success(int code);
extern bool qlm_result_is_success(const QlmResult *result);

#endif							/* QLM_ENVELOPE_H */
