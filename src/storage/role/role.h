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

/* Setting: the role of callers who are no known peer; empty: they are refused */
extern char *qlm_anonymous_role;

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

#endif							/* QLM_ROLE_H */
