/*
 * library.h
 *		What the HTTP library has to say: callbacks for it.
 */
#ifndef QLM_LIBRARY_H
#define QLM_LIBRARY_H

#include "c.h"

#include <stdarg.h>

extern void qlm_library_log(void *cls, const char *format, va_list args) pg_attribute_printf(2, 0);

/* Does not return. */
extern void qlm_library_panic(void *cls, const char *file, unsigned int line,
							  const char *reason);

#endif							/* QLM_LIBRARY_H */
