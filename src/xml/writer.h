/*
 * writer.h
 *		Escaped XML onto a StringInfo.
 */
#ifndef QLM_XML_WRITER_H
#define QLM_XML_WRITER_H

#include "lib/stringinfo.h"

/* Element content; characters that XML 1.0 cannot hold become U+FFFD. */
extern void qlm_xml_text(StringInfo buf, const char *text);
extern void qlm_xml_text_len(StringInfo buf, const char *text, int len);

/* ' name="value"', escaped; nothing if value is NULL */
extern void qlm_xml_attribute(StringInfo buf, const char *name,
							  const char *value);

/* '<name>text</name>' */
extern void qlm_xml_element(StringInfo buf, const char *name,
							const char *text);

/* Where the first character is that XML 1.0 cannot hold; -1: there is none */
extern int	qlm_xml_find_impossible(const char *text, int len);

/* Are there only characters in it that XML 1.0 can hold?  It is UTF-8. */
extern bool qlm_xml_can_hold(const char *text);

/* Can this be an attribute's or element's name, without prefix? */
extern bool qlm_xml_is_name(const char *name);

#endif							/* QLM_XML_WRITER_H */
