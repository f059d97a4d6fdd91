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

#include "xml/events.h"

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

#endif							/* QLM_XML_READER_H */
