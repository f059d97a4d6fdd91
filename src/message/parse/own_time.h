/*
 * own_time.h
 *		Values with a time under a name that O-DF does not have.
 */
#ifndef QLM_OWN_TIME_H
#define QLM_OWN_TIME_H

#include "message/parse/parser.h"

extern bool qlm_own_time_is(const char *name, const char *text, int len);
extern const char *qlm_own_time_name(const QlmParser *p,
									   const QlmXmlElement *element,
									   bool of_item);
extern void qlm_own_time_refuse(QlmParser *p, const QlmXmlElement *element);

#endif							/* QLM_OWN_TIME_H */
