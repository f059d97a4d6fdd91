/*
 * query.h
 *		The arguments of a URL.
 */
#ifndef QLM_QUERY_H
#define QLM_QUERY_H

/*
 * The value of name=value, decoded and palloc'd, empty where it is not well
 * encoded; NULL: not given.  A plus is a plus, as in +02:00.
 */
extern const char *qlm_query_value(const char *query, const char *name);

/* Is the name of an argument a slip of a known one?  Says so, or NULL. */
extern const char *qlm_query_problem(const char *query,
									 const char *const *known);

#endif							/* QLM_QUERY_H */
