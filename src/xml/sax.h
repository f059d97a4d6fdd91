/*
 * sax.h
 *		What libxml2 calls.  Private to this folder.
 */
#ifndef QLM_SAX_H
#define QLM_SAX_H

#include <libxml/parser.h>

extern xmlSAXHandler qlm_xml_sax;

#endif							/* QLM_SAX_H */
