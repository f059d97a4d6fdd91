/*
 * role.h
 *		Roles as rows know them: by what they are, beside their name.
 *
 * A row that names a role has its number, too: the OID, and in the upper half a
 * mark of this cluster.  The number counts, and the name follows it.  In a dump
 * both go elsewhere, where the OID may be that of anybody: there, and where the
 * number is 0, the name counts until the row has a number of that cluster.
 */
#ifndef QLM_ROLE_H
#define QLM_ROLE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* 0 of InvalidOid */
extern int64 qlm_role_number(Oid role);

/* The numbers of all roles of this cluster lie from here on, below the next 2^32. */
extern int64 qlm_role_first_number(void);

/* Whose a row is, by its columns; InvalidOid: of one that is gone, or of nobody */
extern Oid	qlm_role_of(int64 number, const char *name);

/* Its name; an error that says so where it was dropped meanwhile */
extern char *qlm_role_name(Oid role);

/* Raised whenever any role may have changed, as this process hears of it */
extern uint64 qlm_role_generation(void);
extern void qlm_role_changed(void);

/*
 * Rows follow their roles: names are those that the roles have now, and what
 * belongs to roles that are gone ends, or, if it is a peer, has none any more.
 * Rows that somebody holds are left out, and more than max of a kind.  Appends to ended, in words, what has
 * ended, and to roles whose it was.  False: there was nothing to do.
 */
extern bool qlm_role_follow(StringInfo roles, StringInfo ended, int64 max);

/* The same for all rows, at once, outside of SPI; with a warning of what has ended. */
extern void qlm_role_follow_all(void);

/*
 * The same for the dispatcher, if roles may have changed, and seldom otherwise; changes
 * differs where somebody has said so.  Logs it; returns when it wants to look again.
 */
extern TimestampTz qlm_role_follow_changed(uint64 changes);

/* Rows that are new to this cluster get the numbers of the roles that they name. */
extern void qlm_role_bind(void);

/* What settle has said, to who has caused it; nothing if nothing ended */
extern void qlm_role_warn(const StringInfoData *roles, const StringInfoData *ended);

#define QLM_ROLE_HINT \
	"UPDATE qlm.peer SET role = ... gives a peer another role. Nothing of a role is given to a new one of its name."

/* Once per process: statements that rename or drop roles do so for the rows, too. */
extern void qlm_role_command_register(void);

#endif							/* QLM_ROLE_H */
