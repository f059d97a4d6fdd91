/*
 * rights.h
 *		Whose rights a statement has.
 *
 * Statements run as one of three: who sent the message or called the function;
 * the owner of the extension's tables; whoever something is read for, as a
 * subscriber.  Each section below is ended by its restore or by the end of the
 * (sub)transaction after an error.  It fixes search_path, and its end takes back
 * whatever settings were changed in it: functions of others may have run.
 */
#ifndef QLM_RIGHTS_H
#define QLM_RIGHTS_H

#include "postgres.h"

/* What a section has changed; a variable of whoever begins it */
typedef struct QlmRights
{
	Oid			user;
	int			context;
	int			settings;		/* nest level of its settings; 0: none */
	bool		is_other;		/* the user was changed */
} QlmRights;

/*
 * For tables that callers have no rights on.  Nothing can be left behind for
 * later: a deferred trigger is an error.  Functions of others that are called have
 * the rights of their own owners.  Errors as qlm_catalog_owner.  A single statement is
 * executed so by qlm_plan_execute_as_owner.
 */
extern void qlm_rights_become_owner(QlmRights *saved);

/* To read, or make, something for somebody else, as restricted as the owner */
extern void qlm_rights_become_reader(Oid role, QlmRights *saved);

/*
 * The same where the session is that of somebody else, as of who writes: what it has
 * set for policies to go by is his, and nobody's for whom something is read in it.
 */
extern void qlm_rights_become_subscriber(Oid role, QlmRights *saved);

/* The end of each of these; after an error the end of the (sub)transaction does it. */
extern void qlm_rights_restore(const QlmRights *saved);

/*
 * Have times, numbers and the like look, and literals mean, what they do in a
 * session that has changed nothing; until the nest level of settings ends.
 */
extern void qlm_rights_fix_spelling(void);

/* The same for where, and how, a table that is made is stored */
extern void qlm_rights_fix_storage(void);

/*
 * To do what a caller asks for.  Its end fires the deferred triggers of what
 * was done, with the same rights: at commit they would have those of the
 * session.  in_query: a statement is being executed around it, as in all that an
 * SQL function does; then constraints are checked at once, and it is as restricted
 * as the owner.
 */
extern void qlm_rights_become_caller(Oid role, bool in_query, QlmRights *saved);
extern void qlm_rights_end_caller(const QlmRights *saved, bool in_query);

/* Is what is executed now the caller's own, in a section that is in no query? */
extern bool qlm_rights_are_of_caller(void);

/*
 * After a caller, and before the commit of a transaction of a worker: what code of
 * others has left in its session goes, as cursors that would be read at the commit, prepared
 * statements and temporary tables.
 */
extern void qlm_rights_clean_session(void);

/*
 * The role of the sessions of all workers, which has no rights: what runs in
 * them when nobody asks for it can do nothing.  These need a transaction, but no
 * database.
 */
#define QLM_SESSION_ROLE	"qlm_session"

extern Oid	qlm_session_role(void);	/* InvalidOid: there is none */
extern bool qlm_session_role_may_connect(Oid database_id);

#endif							/* QLM_RIGHTS_H */
