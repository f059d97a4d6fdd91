/*
 * selector_parse.h
 *		The attributes of a verb.
 */
#ifndef QLM_SELECTOR_PARSE_H
#define QLM_SELECTOR_PARSE_H

#include "message/parse/parser.h"

extern void qlm_selector_parse_attributes(QlmParser *p, QlmRequest *request,
										  const QlmXmlElement *element);
extern void qlm_selector_parse_finish(QlmParser *p, QlmRequest *request);

#endif							/* QLM_SELECTOR_PARSE_H */
