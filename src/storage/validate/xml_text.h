/*
 * xml_text.h
 *		Characters that no message can hold.
 */
#ifndef QLM_XML_TEXT_H
#define QLM_XML_TEXT_H

#include "commands/trigger.h"

/*
 * An error if a text, which what names ("the value of ..."), holds one: control
 * characters but tab, line feed and carriage return, U+FFFE and U+FFFF.
 */
extern void qlm_xml_text_require(const char *text, const char *what);
extern void qlm_xml_text_require_len(const char *text, int len, const char *what);

/*
 * The same for all texts, and those in jsonb, of a row that a trigger is for, and
 * what else messages need of it
 */
extern void qlm_xml_text_require_row(const TriggerData *data);

/* jsonb that describes nodes has the shape that messages give it. */
extern void qlm_details_shape_require(const char *table, const char *column,
									  Datum value, const char *what);

/* What the column flag, is_odf, says to be O-DF is XML. */
extern void qlm_odf_text_require_row(const TriggerData *data, HeapTuple tuple, int flag);

#endif							/* QLM_XML_TEXT_H */
