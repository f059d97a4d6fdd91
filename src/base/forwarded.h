/*
 * forwarded.h
 *		How this node was called, according to a proxy in front of it:
 *		X-Forwarded-Proto, -Host and -Prefix.
 *
 * Anybody can send these headers: they are used only from listed proxies, and
 * only if they are well-formed, so that they may be shown on a page.
 */
#ifndef QLM_FORWARDED_H
#define QLM_FORWARDED_H

#include "lib/stringinfo.h"

#include "base/host.h"

/* The headers; NULL: not there */
typedef struct QlmForwarded
{
	const char *proto;
	const char *host;
	const char *prefix;
} QlmForwarded;

/*
 * The host and port by which it was called, of so many bytes; NULL where none is
 * said, or not one of ours.  Of several proxies the first counts, which the
 * client has seen.
 */
extern const char *qlm_forwarded_host(const QlmForwarded *forwarded,
									  const QlmHostNames *names, int *len);

/* The path below which it is shown, as in "/node"; of no bytes at the top */
extern const char *qlm_forwarded_prefix(const QlmForwarded *forwarded, int *len);

/*
 * Append the address of this node for who has called it, with a slash at its
 * end: the url if there is one, else by the headers and Host.  Nothing where it
 * is not known.
 */
extern void qlm_forwarded_append_address(StringInfo to,
										 const QlmForwarded *forwarded,
										 const char *host,
										 const QlmHostNames *names);

#endif							/* QLM_FORWARDED_H */
