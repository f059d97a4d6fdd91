/*
 * xml_text.h
 *		Characters that messages cannot contain.
 */
#ifndef QLM_XML_TEXT_H
#define QLM_XML_TEXT_H

/*
 * An error if a text, which what names ("the value of ..."), holds one: control
 * characters but tab, line feed and carriage return, U+FFFE and U+FFFF.
 */
extern void qlm_xml_text_require(const char *text, const char *what);
extern void qlm_xml_text_require_len(const char *text, int len, const char *what);

#endif							/* QLM_XML_TEXT_H */
