/*
 * xml_events.h
 *		Runs the parser of messages over XML.
 */
#ifndef QLM_XML_EVENTS_H
#define QLM_XML_EVENTS_H

#include "message/parse/parser.h"

/*
 * All of a message.  *error_code and *error are left alone where the XML is
 * well-formed; what it says may be wrong all the same.
 */
extern void qlm_xml_run(QlmParser *p, const char *data, Size len,
						const char *charset, int *error_code,
						const char **error);

/* Objects from XML that holds nothing else; NULL: it is something else */
extern QlmOdf *qlm_odf_parse(const char *data, Size len);

#endif							/* QLM_XML_EVENTS_H */
