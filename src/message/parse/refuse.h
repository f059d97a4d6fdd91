/*
 * refuse.h
 *		Errors of the message parser.
 */
#ifndef QLM_REFUSE_H
#define QLM_REFUSE_H

#include "message/parse/parser.h"

/* Spoil the message; spoil the current verb, naming the line */
extern void qlm_parser_fail(QlmParser *p, int code, const char *fmt,...)
			pg_attribute_printf(3, 4);
extern void qlm_parser_refuse(QlmParser *p, int line, const char *fmt,...)
			pg_attribute_printf(3, 4);

/* Text of the message for an error, cut where it is long */
extern const char *qlm_parser_excerpt(QlmParser *p, const char *text, int len);

#endif							/* QLM_REFUSE_H */
