/*
 * arguments.h
 *		Arguments of SQL functions, some of which may be null.
 */
#ifndef QLM_ARGUMENTS_H
#define QLM_ARGUMENTS_H

#include "postgres.h"
#include "fmgr.h"

#include "message/odf.h"

/*
 * An error that names the argument if one of the first n is null: there is
 * nothing to do without it.
 */
extern void qlm_require_arguments(FunctionCallInfo fcinfo, int n);

/*
 * A text argument as a string, NULL for null; an error if it holds what no
 * message can hold.
 */
extern char *qlm_text_argument(FunctionCallInfo fcinfo, int n);

/* The same for what goes into no message as it is */
extern char *qlm_any_text_argument(FunctionCallInfo fcinfo, int n);

/* An int argument that must be above 0, 0 for null */
extern int	qlm_positive_argument(FunctionCallInfo fcinfo, int n,
								  const char *name);

/*
 * What a value argument, a text, number, boolean or jsonb, is spelt as in a
 * message, with the type that goes with it (NULL: xs:string); NULL for null
 * and the null of JSON.
 */
extern char *qlm_value_argument(FunctionCallInfo fcinfo, int n,
								const char **type);

/*
 * The value of an InfoItem from the arguments path, value, at and type; NULL
 * if there is none, which is an error unless may_lack.  at stays to be read.
 */
extern QlmOdf *qlm_item_argument(FunctionCallInfo fcinfo, bool may_lack,
								 QlmValue **value);

/* The InfoItem of a call: its path, value and type are the first arguments. */
extern QlmOdf *qlm_call_argument(FunctionCallInfo fcinfo, QlmInfoItem **item);

#endif							/* QLM_ARGUMENTS_H */
