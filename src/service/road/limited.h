/*
 * limited.h
 *		Who has limits.
 */
#ifndef QLM_LIMITED_H
#define QLM_LIMITED_H

#include "postgres.h"

/* Are there limits to what he may leave here?  Not for administrators in SQL. */
extern bool qlm_is_limited(Oid role, bool from_session);

#endif							/* QLM_LIMITED_H */
