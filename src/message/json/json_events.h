/*
 * json_events.h
 *		Runs the parser of messages over JSON.
 */
#ifndef QLM_JSON_EVENTS_H
#define QLM_JSON_EVENTS_H

#include "message/parse/parser.h"

/* The events of a whole message */
extern void qlm_json_run(QlmParser *p, const char *data, Size len,
						 const char *charset);

/*
 * Objects from JSON text in UTF-8 that a verb brings.  NULL for what is none:
 * *error_code is then 400 or 413, and *error a sentence with the line.  Never
 * raises an error.
 */
extern QlmOdf *qlm_odf_json_parse(const char *data, Size len, QlmVerb verb,
								  int *error_code, const char **error);

#endif							/* QLM_JSON_EVENTS_H */
