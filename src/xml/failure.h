/*
 * failure.h
 *		What is wrong with what a reader reads, and where.
 */
#ifndef QLM_FAILURE_H
#define QLM_FAILURE_H

#include "xml/events.h"

/*
 * Called by handlers: the first call (or parser error) is kept and stops.  The
 * one that says where does not stop, and is for libxml2's own errors.
 */
extern void qlm_xml_reader_fail(QlmXmlReader *reader, int code,
								const char *fmt,...) pg_attribute_printf(3, 4);
extern void qlm_xml_reader_fail_at(QlmXmlReader *reader, int code, int line,
								   int column, const char *fmt, va_list args)
			pg_attribute_printf(5, 0);

/* For handlers: where the reader is, e.g. to say it in a later error. */
extern int	qlm_xml_reader_line(const QlmXmlReader *reader);
extern int	qlm_xml_reader_column(const QlmXmlReader *reader);

#endif							/* QLM_FAILURE_H */
