/*
 * function.h
 *		SQL functions of others that this node calls: handlers, and readers and
 *		writers of payload formats.
 */
#ifndef QLM_FUNCTION_H
#define QLM_FUNCTION_H

#include "postgres.h"
#include "datatype/timestamp.h"

typedef struct QlmFunction
{
	const char *call;			/* its qualified name, quoted */
	const char *search_path;	/* for what it writes without a schema */
} QlmFunction;

/*
 * The OID of a function that is written with its schema and the types of its
 * arguments, as the current user may see it; InvalidOid: there is none.
 */
extern Oid	qlm_function_oid(const char *signature);

/*
 * Find it by its OID; false: there is none.  extension_schema: where this
 * extension is, quoted.
 */
extern bool qlm_function_find(Oid oid, const char *extension_schema,
							  QlmFunction *function);

/*
 * May it run with the rights of a role?  Its owner would borrow them: so only if
 * he has them anyway, or if it runs with his.
 */
extern bool qlm_function_may_run(Oid oid, Oid role);

/* Work that calls a function */
typedef struct QlmFunctionCall
{
	const QlmFunction *function;
	void		(*work) (void *arg);
	void	   *arg;
	bool		foreign;		/* for somebody who has no session here, so nothing
								 * may be left that would run later */

	/* For qlm_function_try */
	TimestampTz end;			/* DT_NOEND: that of what this is part of */
	bool		late;			/* out: the time was over */
} QlmFunctionCall;

/*
 * Do it as the current user, and leave nothing behind but what was written: settings are put
 * back, locks are released at the end of the transaction.
 */
extern void qlm_function_run(const QlmFunctionCall *call);

/*
 * The same with an end, at the latest that of the work that it is part of, and in a
 * subtransaction.  An error is undone and returned; NULL: there was none.  Only a cancel
 * that is none of ours is raised.
 */
extern ErrorData *qlm_function_try(QlmFunctionCall *call);

/*
 * After a transaction of a worker: release the advisory locks of its session
 * that functions have left behind.
 */
extern void qlm_function_release_locks(void);

#endif							/* QLM_FUNCTION_H */
