/*
 * handler.h
 *		SQL functions that are registered for paths: the methods of calls, and
 *		what reads devices.
 */
#ifndef QLM_HANDLER_H
#define QLM_HANDLER_H

#include "postgres.h"
#include "datatype/timestamp.h"

#include "storage/function/function.h"

/* A row of qlm.handler with what its function is */
typedef struct QlmHandler
{
	const char *path;			/* the InfoItem, or an Object above it */
	const char *name;			/* the function, as it is written in SQL */
	bool		found;			/* there is such a function, with these: */
	bool		takes_path;		/* (path text, payload xml) */
	bool		takes_text;		/* (text) */
	bool		returns_xml;
	bool		returns_void;
	bool		trusted;		/* it may run with the current user's rights */
	QlmFunction function;
} QlmHandler;

/* The handler of a verb, call or read, nearest to a path; false: there is none. */
extern bool qlm_handler_find(const char *path, const char *verb,
							 QlmHandler *handler);

/* What its function is given: payload is XML, value NULL where there is none. */
typedef struct QlmHandlerInput
{
	const char *path;
	const char *value;
	const char *payload;
} QlmHandlerInput;

/* Run it in the caller's own session; NULL for null. */
extern char *qlm_handler_run(const QlmHandler *handler,
							 const QlmHandlerInput *input);

/* Run it as qlm_function_try does. */
extern ErrorData *qlm_handler_try(const QlmHandler *handler,
								  const QlmHandlerInput *input, bool foreign,
								  TimestampTz end, char **output, bool *late);

#endif							/* QLM_HANDLER_H */
