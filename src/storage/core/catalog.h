/*
 * catalog.h
 *		The extension's own relations: whether they are there, their OIDs, and
 *		whether what a process remembers of their rows still holds.
 *
 * All of this needs a transaction, but no SPI.
 */
#ifndef QLM_CATALOG_H
#define QLM_CATALOG_H

#include "postgres.h"

typedef enum QlmRelation
{
	QLM_REL_OBJECT,
	QLM_REL_OBJECT_ID,
	QLM_REL_OBJECT_SEQ,
	QLM_REL_INFO_ITEM,
	QLM_REL_NAMES,				/* the numbers of InfoItems; stands for ids and
								 * names that are aliases */
	QLM_REL_META_DATA,
	QLM_REL_VALUE,
	QLM_REL_VALUE_DEFAULT,
	QLM_REL_PEER,
	QLM_REL_OUTBOX,
	QLM_REL_SUBSCRIPTION,
	QLM_REL_RETENTION,
	QLM_REL_HISTORY,
	QLM_REL_CUSTOMIZATION,		/* 0.1.0 has none, nor what follows */
	QLM_REL_PLACE,
	QLM_NRELATIONS
} QlmRelation;

/*
 * Is the extension there, in the version of this library?  True, too, while a script
 * of CREATE or ALTER EXTENSION is at it.
 */
extern bool qlm_catalog_available(void);

/* Where it was not available: is it there, in another version? */
extern bool qlm_catalog_outdated(void);

/*
 * Where it was not available: is it there, but not its tables under their names?
 * Sets *why, why it is not available, and *hint, what to do, whatever it returns.
 */
extern bool qlm_catalog_damaged(const char **why, const char **hint);

/*
 * Where it is available: is its restore not complete, as far as was last looked?  What
 * was set up on its tables may be missing, and rights depend on that, so nothing is
 * served.
 */
extern bool qlm_catalog_incomplete(void);

/*
 * Look whether it is.  For processes that serve, not for sessions: a tool that has locked
 * the table, to rewrite it, would keep each session that plans a statement waiting, its
 * own too.  While the table is locked the last answer holds.
 */
extern void qlm_catalog_look_at_restore(void);

/*
 * OID of a relation, and of the role that owns them all.  Both raise
 * undefined_object where the extension is missing; the owner also
 * object_not_in_prerequisite_state where it has another version.
 */
extern Oid	qlm_catalog_relid(QlmRelation relation);
extern Oid	qlm_catalog_owner(void);

/* Returns a function of the extension without arguments, as of a trigger; InvalidOid: none. */
extern Oid	qlm_catalog_function(const char *name);

/*
 * A number that changes whenever rows of the relation may have changed.  Caches of this
 * process keep it with what they know, and forget that when it is another one
 * (validity.h).  Errors as for the OID.
 */
extern uint64 qlm_catalog_generation(QlmRelation relation);

/*
 * Change it, by the relation's OID: here at the next command, in all other processes when
 * this transaction commits.  Who writes takes a lock before he looks, and so sees it in
 * time.
 */
extern void qlm_catalog_invalidate(Oid relid);

/*
 * The same for triggers for each row: here at once, and by one message to others for
 * all rows of a (sub)transaction.
 */
extern void qlm_catalog_invalidate_once(QlmRelation relation);

#endif							/* QLM_CATALOG_H */
