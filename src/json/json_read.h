/*
 * json_read.h
 *		A reader for hostile JSON.
 */
#ifndef QLM_JSON_READ_H
#define QLM_JSON_READ_H

#include "json/json_source.h"

/*
 * Read a text as RFC 8259 has it.  Returns NULL and sets the error for what is
 * none, nests too deep, or holds a character that XML could not carry.  Never
 * raises one.
 */
extern QlmJson *qlm_json_read(QlmJsonSource *source, QlmJsonError *error);

/* Does it begin as JSON does and XML does not? */
extern bool qlm_json_is_likely(const char *data, Size len);

#endif							/* QLM_JSON_READ_H */
