/*
 * verb_parse.h
 *		The messaging part of the message parser.
 */
#ifndef QLM_VERB_PARSE_H
#define QLM_VERB_PARSE_H

#include "message/parse/parser.h"

extern void qlm_verb_parse_start(QlmParser *p, QlmFrame *frame,
								 const QlmXmlElement *element);
extern void qlm_verb_parse_end(QlmParser *p, QlmFrame *frame);
extern void qlm_verb_refuse_no_nodes(QlmParser *p, int line);

#endif							/* QLM_VERB_PARSE_H */
