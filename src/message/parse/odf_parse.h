/*
 * odf_parse.h
 *		The O-DF part of the message parser.
 */
#ifndef QLM_ODF_PARSE_H
#define QLM_ODF_PARSE_H

#include "message/parse/parser.h"

extern void qlm_odf_parse_objects(QlmParser *p, const QlmXmlElement *element,
								  QlmOdf *odf);
extern void qlm_odf_parse_start(QlmParser *p, QlmFrame *frame,
								const QlmXmlElement *element);
extern void qlm_odf_parse_end(QlmParser *p, QlmFrame *frame);

#endif							/* QLM_ODF_PARSE_H */
