/*
 * json_write.h
 *		JSON text onto a StringInfo.
 */
#ifndef QLM_JSON_WRITE_H
#define QLM_JSON_WRITE_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* "text", quoted and escaped */
extern void qlm_json_text(StringInfo buf, const char *text);
extern void qlm_json_text_len(StringInfo buf, const char *text, int len);

/*
 * The members of an object: the comma where one is needed, and the name.
 * Names are constants that need no escape.
 */
extern void qlm_json_name(StringInfo buf, const char *name);
extern void qlm_json_member(StringInfo buf, const char *name,
							const char *text);	/* NULL: none */
extern void qlm_json_time(StringInfo buf, const char *name, bool given,
						  TimestampTz ts);

/* The comma before an element of an array, where one is needed */
extern void qlm_json_next(StringInfo buf);

/* Is the text a number as JSON spells them? */
extern bool qlm_json_is_number(const char *text, int len);

#endif							/* QLM_JSON_WRITE_H */
