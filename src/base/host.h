/*
 * host.h
 *		Under which names this node may be called: the Host header of requests.
 *
 * A page whose own name is made to resolve to this machine calls under that
 * name, and browsers take both for one origin.  So only names that nobody else
 * can have are answered.
 */
#ifndef QLM_HOST_H
#define QLM_HOST_H

/* What names this node; each may be NULL */
typedef struct QlmHostNames
{
	const char *names;			/* a list, '*' for any */
	const char *addresses;		/* that it listens on: a list, '*' is no name */
	const char *url;			/* under which others reach it */
} QlmHostNames;

/*
 * Is a Host header one of ours: an address, localhost, or one of the names?
 * Without regard to port, case and a final dot.
 */
extern bool qlm_host_is_ours(const char *header, const QlmHostNames *names);

/* False, with the first wrong entry as part of the list, where it is none. */
extern bool qlm_host_list_valid(const char *list,
								const char **bad, int *bad_len);

#endif							/* QLM_HOST_H */
