/*
 * position.h
 *		Where in a message the parser is, for its errors.
 */
#ifndef QLM_POSITION_H
#define QLM_POSITION_H

#include "message/parse/parser.h"

/* The line in which it is; 0: not known */
extern int	qlm_parser_line(const QlmParser *p);

/* A line, with path and column if known: "a/b, line 3, column 8" */
extern const char *qlm_parser_position(const QlmParser *p, int line);

#endif							/* QLM_POSITION_H */
