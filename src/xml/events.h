/*
 * events.h
 *		What a reader hands on: elements, attributes and text.
 */
#ifndef QLM_EVENTS_H
#define QLM_EVENTS_H

#include "postgres.h"

/* value is not NUL-terminated; both live only until the handler returns */
typedef struct QlmXmlAttribute
{
	const char *name;			/* local name */
	const char *prefix;			/* NULL: none */
	const char *uri;			/* namespace, NULL: none or undeclared prefix */
	const char *value;
	int			len;
} QlmXmlAttribute;

typedef struct QlmXmlElement
{
	const char *name;			/* local name */
	const char *prefix;			/* as written, NULL: none; may be undeclared */
	const char *uri;			/* namespace, NULL: none or undeclared prefix */
	int			nattributes;	/* without xmlns, xmlns:* and xsi:* */
	const QlmXmlAttribute *attributes;
} QlmXmlElement;

/*
 * Handlers run inside libxml2: they must not raise errors or take interrupts.
 * A handler that refuses something calls qlm_xml_reader_fail and returns.
 * Text arrives in pieces, CDATA as text, white space like any text.
 */
typedef struct QlmXmlHandler
{
	void		(*start) (void *state, const QlmXmlElement *element);
	void		(*end) (void *state);
	void		(*text) (void *state, const char *text, int len);
} QlmXmlHandler;

typedef struct QlmXmlError
{
	int			code;			/* 400 or 413 */
	char	   *message;		/* a sentence without the position */
	int			line;
	int			column;
} QlmXmlError;

typedef struct QlmXmlReader QlmXmlReader;

#endif							/* QLM_EVENTS_H */
