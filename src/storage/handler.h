/*
 * handler.h
 *		SQL functions that are registered for paths: the methods of calls, and
 *		what reads devices.
 */
#ifndef QLM_STORAGE_HANDLER_H
#define QLM_STORAGE_HANDLER_H

#include "postgres.h"
#include "datatype/timestamp.h"

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
	bool		trusted;		/* the current user may run its owner's code */
	const char *schema;			/* where the function is */
	const char *extension_schema;	/* where this extension is, quoted */
	const char *call;			/* the function's qualified name, quoted */
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

/*
 * Run it as the current user; NULL for null.  Settings are as before when it
 * returns.  foreign: for somebody who has no session here, whose code must
 * leave nothing behind in this process that acts with more rights later.
 */
extern char *qlm_handler_run(const QlmHandler *handler,
							 const QlmHandlerInput *input, bool foreign);

/*
 * The same with an end, in a subtransaction.  An error is undone and returned,
 * with *late where the time was over; NULL: there was none.  What the caller
 * must not survive (a cancel that is none of ours, a deadlock) is raised.
 */
extern ErrorData *qlm_handler_try(const QlmHandler *handler,
								  const QlmHandlerInput *input, bool foreign,
								  TimestampTz end, char **output, bool *late);

/*
 * After a transaction of a worker: release the advisory locks of its session
 * that functions have left behind.
 */
extern void qlm_handler_release_locks(void);

#endif							/* QLM_STORAGE_HANDLER_H */
