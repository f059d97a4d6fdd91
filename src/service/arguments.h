/*
 * arguments.h
 *		Arguments of SQL functions, some of which may be null.
 */
#ifndef QLM_ARGUMENTS_H
#define QLM_ARGUMENTS_H

#include "postgres.h"
#include "fmgr.h"

#include "message/odf.h"

/* An error if one of the first n is null: there is nothing to do without it. */
extern void qlm_require_arguments(FunctionCallInfo fcinfo, int n);

/* A text argument as a string, NULL for null */
extern char *qlm_text_argument(FunctionCallInfo fcinfo, int n);

/* An int argument that must be above 0, 0 for null */
extern int	qlm_positive_argument(FunctionCallInfo fcinfo, int n,
								  const char *name);

/* The InfoItem of a call: its path, value and type are the first arguments. */
extern QlmOdf *qlm_call_argument(FunctionCallInfo fcinfo, QlmInfoItem **item);

#endif							/* QLM_ARGUMENTS_H */
