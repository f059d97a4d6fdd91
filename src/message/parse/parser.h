/*
 * parser.h
 *		What the parts of the message parser share: its state.
 *
 * Everything here runs inside libxml2: data makes it record an error or fail the
 * reader, never raise one.
 */
#ifndef QLM_PARSER_H
#define QLM_PARSER_H

#include "json/json_source.h"
#include "message/envelope.h"
#include "xml/events.h"

/* Kinds from QLM_FRAME_OBJECTS on belong to odf_parse.c. */
typedef enum QlmFrameKind
{
	QLM_FRAME_ENVELOPE,
	QLM_FRAME_VERB,
	QLM_FRAME_RESPONSE,
	QLM_FRAME_RESULT,
	QLM_FRAME_RETURN,
	QLM_FRAME_REQUEST_ID,
	QLM_FRAME_NODE_LIST,
	QLM_FRAME_NODE,
	QLM_FRAME_MSG,
	QLM_FRAME_OBJECTS,
	QLM_FRAME_OBJECT,
	QLM_FRAME_ID,
	QLM_FRAME_DESCRIPTION,
	QLM_FRAME_ITEM,
	QLM_FRAME_ALT_NAME,
	QLM_FRAME_META_DATA,
	QLM_FRAME_VALUE
} QlmFrameKind;

/* An open element that means something; unknown ones are only counted */
typedef struct QlmFrame
{
	QlmFrameKind kind;
	bool		text;			/* its text is collected */
	bool		has_child;		/* of a msg: the first element was seen */
	bool		is_nothing;		/* of a value: it is null */
	int			line;
	int			nvalues;		/* of an InfoItem: those that have begun */
	const char *own_time;		/* of an InfoItem or Object: an attribute that may
								 * be the time of the values in it; NULL: none */
	union
	{
		QlmObject  *object;
		QlmInfoItem *item;
		QlmId	   *id;
		QlmDescription *description;
		QlmValue   *value;
	}			as;
	QlmId	  **last_id;		/* where the next one is linked */
	QlmDescription **last_description;
} QlmFrame;

/* The outer envelope, or the one nested in a result of it */
typedef struct QlmParserLevel
{
	QlmEnvelope *envelope;
	QlmDialectHints hints;
	const char *ttl;			/* NULL: not given */
	const char *error;			/* what spoils all of it; NULL: nothing */
	const char *own_attribute;	/* the first one of the envelope that a delete
								 * does not overlook; NULL: none */
	int			line;
	int			nrequests;
	int			nresults;
	int			nrequest_ids;	/* of the current verb or result */
	int			nnodes;
	bool		selects;		/* the current verb has attributes that need a
								 * payload */
	bool		empty_id;		/* it has a requestID without a text */
	QlmRequest *request;		/* the current verb */
	QlmResult  *result;			/* the current result, or NULL */
	const char *selector_error; /* counts unless the read is a poll */
} QlmParserLevel;

/* An element within captured XML */
typedef struct QlmCaptured
{
	int			name;			/* its offset and length in the captured text */
	int			name_len;
	int			content;		/* where its content starts */
	const char *uri;
} QlmCaptured;

/* An attribute of the sender's own, of an element of this kind */
typedef struct QlmOwnAttribute
{
	QlmFrameKind kind;
	char	   *name;			/* NULL: none yet */
} QlmOwnAttribute;

#define QLM_OWN_ATTRIBUTES 8

typedef struct QlmParser
{
	QlmXmlReader *reader;		/* NULL: the message is JSON */
	bool		failed;

	/* of JSON, whose members come as events like those of XML */
	QlmJsonSource *json;
	const QlmJson *json_at;		/* what is looked at */
	int			json_code;		/* what failed; 0: nothing */
	const char *json_error;

	QlmParserLevel levels[2];
	QlmParserLevel *level;		/* the current one, NULL before the root */

	QlmFrame   *frames;
	int			nframes;
	int			max_frames;
	int			skip;			/* depth within an unknown element */
	const char *root_prefix;	/* of the outer envelope; NULL: none */

	/* strings grow at the end of a block, one at a time */
	char	   *block;
	Size		block_size;
	Size		used;
	Size		text_start;		/* of the text being collected */

	bool		capturing;
	bool		self_contained; /* write out inherited namespaces */
	const char *capture_uri;	/* default namespace around what is captured */
	StringInfoData captured;
	QlmCaptured *open;
	int			nopen;
	int			max_open;

	QlmOdf	   *odf;			/* the payload being read */
	const char *odf_uri;
	const char *last_type;		/* of the last value: most are the same */
	QlmOwnAttribute own[QLM_OWN_ATTRIBUTES];	/* the last ones, for the same reason */
	int			next_own;
	int			nvalues;		/* over the whole message, with MetaData */
	int			nnodes;
} QlmParser;

#endif							/* QLM_PARSER_H */
