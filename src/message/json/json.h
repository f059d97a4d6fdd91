/*
 * json.h
 *		JSON: text onto a StringInfo, and a reader for hostile text.
 *
 * Private to this folder.
 */
#ifndef QLM_JSON_H
#define QLM_JSON_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

typedef enum QlmJsonKind
{
	QLM_JSON_OBJECT,
	QLM_JSON_ARRAY,
	QLM_JSON_STRING,
	QLM_JSON_NUMBER,
	QLM_JSON_TRUE,
	QLM_JSON_FALSE,
	QLM_JSON_NULL
} QlmJsonKind;

/* A value; a list of members or elements is in document order. */
typedef struct QlmJson
{
	struct QlmJson *next;
	const char *name;			/* of a member; NULL: it is none */
	union
	{
		struct QlmJson *first;	/* of an object or an array */
		const char *text;		/* of the others: decoded, not NUL-terminated */
	}			as;
	int			len;			/* of the text; else where it begins */
	unsigned int line:28;		/* small: hostile text is mostly nodes */
	unsigned int kind:4;		/* QlmJsonKind */
} QlmJson;

typedef struct QlmJsonError
{
	int			code;			/* 400 or 413 */
	const char *message;		/* a sentence with line and column */
} QlmJsonError;

/* What is read, which must stay; the rest is json_source.c's */
typedef struct QlmJsonSource
{
	const char *data;			/* as it came */
	Size		len;
	const char *charset;		/* as the transport says; NULL: UTF-8 */
	const char *decoded;		/* what texts point into */
	const char *raw;			/* as it came, but in UTF-8; NULL: not yet */
	int			raw_len;
	int			last;			/* where in that a column was asked for ... */
	int			line_start;		/* ... and its line began */
} QlmJsonSource;

/*
 * Read a text as RFC 8259 has it.  Returns NULL and sets the error for what is
 * none, nests too deep, or holds a character that XML could not carry.  Never
 * raises one.
 */
extern QlmJson *qlm_json_read(QlmJsonSource *source, QlmJsonError *error);

/* The text as UTF-8 */
extern bool qlm_json_decode(const QlmJsonSource *source, StringInfo buf,
							QlmJsonError *error);

/* Where in its line a value stands, in bytes from 1 */
extern int	qlm_json_column(QlmJsonSource *source, const QlmJson *json);

/* An object or an array exactly as it is spelt; not NUL-terminated */
extern const char *qlm_json_spelling(QlmJsonSource *source, const QlmJson *json,
									 int *len);

/*
 * Is it one object, array, number or boolean, nested at most so deep, that the
 * reader takes?
 */
extern bool qlm_json_is_valid(const char *text, int len, int max_depth);

/* Does it begin as JSON does and XML does not? */
extern bool qlm_json_is_likely(const char *data, Size len);

/* Neither an object nor an array */
extern bool qlm_json_is_scalar(const QlmJson *json);

/* A member of an object by its name, or NULL */
extern const QlmJson *qlm_json_find(const QlmJson *object, const char *name);

/* "text", quoted and escaped */
extern void qlm_json_text(StringInfo buf, const char *text);
extern void qlm_json_text_len(StringInfo buf, const char *text, int len);

/*
 * The members of an object: the comma where one is needed, and the name.
 * Names are constants that need no escape.
 */
extern void qlm_json_name(StringInfo buf, const char *name);
extern void qlm_json_member(StringInfo buf, const char *name,
							const char *text);	/* NULL: none */
extern void qlm_json_time(StringInfo buf, const char *name, bool given,
						  TimestampTz ts);

/* The comma before an element of an array, where one is needed */
extern void qlm_json_next(StringInfo buf);

/* Is the text a number as JSON spells them? */
extern bool qlm_json_is_number(const char *text, int len);

#endif							/* QLM_JSON_H */
