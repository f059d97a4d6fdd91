/*
 * parser_text.h
 *		Strings of the message parser, and the stack of open elements, whose
 *		text is collected.
 */
#ifndef QLM_PARSER_TEXT_H
#define QLM_PARSER_TEXT_H

#include "message/parse/parser.h"

/* Strings, NUL-terminated */
extern char *qlm_parser_strdup(QlmParser *p, const char *text, int len);
extern char *qlm_parser_trim(QlmParser *p, const char *text, int len);
extern bool qlm_parser_is_blank(const char *text, int len);

/* Text collected since the current frame was pushed */
extern void qlm_parser_text(QlmParser *p, const char *text, int len);
extern char *qlm_parser_take_text(QlmParser *p, int *len);
extern char *qlm_parser_take_trimmed(QlmParser *p, int *len);

/* Valid until the next push */
extern QlmFrame *qlm_parser_push(QlmParser *p, QlmFrameKind kind, bool text);

#endif							/* QLM_PARSER_TEXT_H */
