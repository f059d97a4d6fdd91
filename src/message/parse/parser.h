/*
 * parser.h
 *		What the parts of the message parser share: its state, memory for
 *		strings, the stack of open elements, captured XML, errors.
 *
 * Private to this folder.  Everything here runs inside libxml2: data makes it
 * record an error or fail the reader, never raise one.
 */
#ifndef QLM_PARSER_H
#define QLM_PARSER_H

#include "message/envelope.h"
#include "message/json/json.h"
#include "xml/reader.h"

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

/* Strings, NUL-terminated */
extern char *qlm_parser_strdup(QlmParser *p, const char *text, int len);
extern char *qlm_parser_trim(QlmParser *p, const char *text, int len);
extern bool qlm_parser_is_blank(const char *text, int len);

/* Text collected since the current frame was pushed */
extern void qlm_parser_text(QlmParser *p, const char *text, int len);
extern char *qlm_parser_take_text(QlmParser *p, int *len);
extern char *qlm_parser_take_trimmed(QlmParser *p, int *len);
extern void qlm_parser_drop_text(QlmParser *p);

/* Valid until the next push */
extern QlmFrame *qlm_parser_push(QlmParser *p, QlmFrameKind kind, bool text);

/*
 * Capture as XML text what the current frame still holds, from this element
 * on; what text came before it is kept unless it is white space.
 */
extern void qlm_parser_capture(QlmParser *p, const QlmXmlElement *element,
							   const char *uri, bool self_contained);
extern void qlm_parser_capture_start(QlmParser *p,
									 const QlmXmlElement *element);
extern void qlm_parser_capture_end(QlmParser *p);
extern void qlm_parser_capture_text(QlmParser *p, const char *text, int len);
extern char *qlm_parser_captured(QlmParser *p, int *len);

/* Where in the message it is; for an error, with path and column if known */
extern int	qlm_parser_line(const QlmParser *p);
extern const char *qlm_parser_place(const QlmParser *p, int line);

/* Spoil the message; spoil the current verb, naming the line */
extern void qlm_parser_fail(QlmParser *p, int code, const char *fmt,...)
			pg_attribute_printf(3, 4);
extern void qlm_parser_refuse(QlmParser *p, int line, const char *fmt,...)
			pg_attribute_printf(3, 4);

/* Text of the message for an error, cut where it is long */
extern const char *qlm_parser_quote(QlmParser *p, const char *text, int len);

/* strict.c: what means nothing here; an attribute: is it the sender's own? */
extern void qlm_strict_element(QlmParser *p, const QlmFrame *frame,
							   const QlmXmlElement *element);
extern void qlm_strict_member(QlmParser *p, const char *name, int line);
extern void qlm_strict_text(QlmParser *p, const QlmFrame *frame,
							const char *text, int len);
extern bool qlm_strict_attribute(QlmParser *p, const QlmFrame *frame,
								 const QlmXmlElement *element,
								 const QlmXmlAttribute *attribute);
extern bool qlm_strict_is_foreign(const QlmParser *p,
								  const QlmXmlElement *element,
								  const QlmXmlAttribute *attribute);
extern bool qlm_strict_narrows(const char *name);
extern bool qlm_strict_is_time(const char *name, const char *text, int len);
extern const char *qlm_strict_own_time(const QlmParser *p,
									   const QlmXmlElement *element,
									   bool of_item);
extern void qlm_strict_value_time(QlmParser *p, const QlmXmlElement *element);
/* Elements that have no attributes of the sender's own */
extern void qlm_strict_plain(QlmParser *p, const QlmFrame *frame,
							 const QlmXmlElement *element);

/* A new verb: what was found good in the one before says nothing of it. */
extern void qlm_strict_verb(QlmParser *p);

/* What of an envelope its deletes do not overlook */
extern void qlm_strict_envelope(const QlmParserLevel *level);
extern void qlm_strict_verb_attribute(QlmParser *p, const QlmRequest *request,
									  const QlmXmlElement *element,
									  const QlmXmlAttribute *attribute);
extern void qlm_strict_envelope_attribute(QlmParser *p,
										  const QlmXmlAttribute *attribute);

/* odf_parse.c */
extern void qlm_odf_parse_objects(QlmParser *p, const QlmXmlElement *element,
								  QlmOdf *odf);
extern void qlm_odf_parse_start(QlmParser *p, QlmFrame *frame,
								const QlmXmlElement *element);
extern void qlm_odf_parse_end(QlmParser *p, QlmFrame *frame);

/* verb_parse.c */
extern void qlm_verb_parse_start(QlmParser *p, QlmFrame *frame,
								 const QlmXmlElement *element);
extern void qlm_verb_parse_end(QlmParser *p, QlmFrame *frame);
extern void qlm_verb_refuse_no_nodes(QlmParser *p, int line);

/* selector_parse.c */
extern void qlm_selector_parse_attributes(QlmParser *p, QlmRequest *request,
										  const QlmXmlElement *element);
extern void qlm_selector_parse_finish(QlmParser *p, QlmRequest *request);

/* envelope_parse.c: what takes the events, be they of XML or of JSON */
extern const QlmXmlHandler qlm_parser_handler;

/* json_events.c: the events of a whole message */
extern void qlm_json_run(QlmParser *p, const char *data, Size len,
						 const char *charset);

/* envelope_parse.c: the root's name if it is one, else NULL */
extern const char *qlm_envelope_root(const char *name);
extern void qlm_envelope_parse_nested(QlmParser *p,
									  const QlmXmlElement *element);

#endif							/* QLM_PARSER_H */
