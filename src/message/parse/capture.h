/*
 * capture.h
 *		XML that the message parser keeps as text.
 */
#ifndef QLM_CAPTURE_H
#define QLM_CAPTURE_H

#include "message/parse/parser.h"

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

#endif							/* QLM_CAPTURE_H */
