/*
 * url_query.h
 *		The arguments of a URL.
 */
#ifndef QLM_URL_QUERY_H
#define QLM_URL_QUERY_H

/*
 * The value of name=value, decoded and palloc'd, empty where it is not well
 * encoded; NULL: not given.  A plus is a plus, as in +02:00.
 */
extern const char *qlm_url_query_value(const char *query, const char *name);

/*
 * What is wrong with the arguments: a name that is none of the known ones, one
 * that is given twice, or without a value; NULL: nothing.  Names with an
 * underscore before them are for caches on the way, and pass.
 */
extern const char *qlm_url_query_problem(const char *query,
									 const char *const *known);

#endif							/* QLM_URL_QUERY_H */
