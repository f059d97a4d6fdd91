/*
 * json.h
 *		JSON as a tree.
 */
#ifndef QLM_JSON_H
#define QLM_JSON_H

#include "postgres.h"

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

/* Neither an object nor an array */
extern bool qlm_json_is_scalar(const QlmJson *json);

/* A member of an object by its name, or NULL */
extern const QlmJson *qlm_json_find(const QlmJson *object, const char *name);

#endif							/* QLM_JSON_H */
