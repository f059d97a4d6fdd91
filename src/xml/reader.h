/*
 * reader.h
 *		A push parser for hostile XML, on libxml2's SAX2 interface.
 *
 * The reader knows nothing of messages.  It hands elements, attributes and
 * text to a handler, enforces the bounds of limits.h while it reads, and keeps
 * the first error with its line and column.  No DOM, no DTD, no entities
 * beyond the five of XML, no file or network access.
 */
#ifndef QLM_XML_READER_H
#define QLM_XML_READER_H

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

/*
 * charset: what the transport says of the encoding, or NULL to go by byte
 * order mark, XML declaration, UTF-8.  The handler always gets valid UTF-8.
 * The reader holds memory of libxml2: free it under PG_TRY/PG_FINALLY.
 */
extern QlmXmlReader *qlm_xml_reader_create(const QlmXmlHandler *handler,
										   void *state, const char *charset);
extern bool qlm_xml_reader_feed(QlmXmlReader *reader,
								const char *data, Size len);
extern bool qlm_xml_reader_finish(QlmXmlReader *reader);
extern const QlmXmlError *qlm_xml_reader_error(const QlmXmlReader *reader);
extern void qlm_xml_reader_free(QlmXmlReader *reader);

/* Called by handlers: the first call (or parser error) is kept and stops. */
extern void qlm_xml_reader_fail(QlmXmlReader *reader, int code,
								const char *fmt,...) pg_attribute_printf(3, 4);

/* For handlers: where the reader is, e.g. to say it in a later error. */
extern int	qlm_xml_reader_line(const QlmXmlReader *reader);
extern int	qlm_xml_reader_column(const QlmXmlReader *reader);

#endif							/* QLM_XML_READER_H */
