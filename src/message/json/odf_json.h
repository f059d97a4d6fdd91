/*
 * odf_json.h
 *		O-DF payloads as JSON.
 *
 * Attributes and elements are members of the same name, one child an object
 * and several an array.  The values of an InfoItem are in "values", the text
 * of a description is in "text", that of an id with attributes in "id";
 * attributes that O-DF does not know are in an object "attributes".
 */
#ifndef QLM_ODF_JSON_H
#define QLM_ODF_JSON_H

#include "message/envelope.h"

/* {"Objects":{...}}, {"Object":{...}}, {"InfoItem":{...}} */
extern void qlm_odf_json_print(StringInfo buf, const QlmOdf *odf);
extern void qlm_odf_json_print_object(StringInfo buf,
									  const QlmObject *object);
extern void qlm_odf_json_print_item(StringInfo buf, const QlmInfoItem *item);

/* The bare value: 4.5, true, "text" */
extern void qlm_odf_json_print_value(StringInfo buf, const QlmValue *value);

/*
 * Does a type say that a value is JSON, and comes back as such: does it end in
 * json?
 */
extern bool qlm_odf_json_is_type(const char *type, int len);

#endif							/* QLM_ODF_JSON_H */
