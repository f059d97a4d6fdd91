/*
 * tap.h
 *		Test output that prove reads.
 */
#ifndef QLM_TAP_H
#define QLM_TAP_H

#include "postgres.h"

extern void tap_ok(bool passed, const char *fmt,...) pg_attribute_printf(2, 3);

/* Prints both if they differ. */
extern void tap_is(const char *got, const char *expected,
				   const char *fmt,...) pg_attribute_printf(3, 4);

/* Print the plan; returns the exit status. */
extern int	tap_done(void);

#endif							/* QLM_TAP_H */
