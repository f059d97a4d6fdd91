/*
 * check.h
 *		What must hold in a fuzz target, whatever the input
 */
#ifndef QLM_CHECK_H
#define QLM_CHECK_H

#include "postgres.h"

static inline void
check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

#endif							/* QLM_CHECK_H */
