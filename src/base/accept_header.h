/*
 * accept_header.h
 *		The Accept header of HTTP: how much a media type is wanted.
 */
#ifndef QLM_ACCEPT_HEADER_H
#define QLM_ACCEPT_HEADER_H

#include "c.h"

typedef struct QlmAcceptance
{
	int			quality;		/* 0, not wanted, to 1000 */
	int			precision;		/* 3: named, 2: type/ *, 1: by a wildcard,
								 * 0: not mentioned at all */
	bool		is_v2;			/* named with version=2... */
} QlmAcceptance;

/*
 * By the most precise range of the header.  Without header, or where it
 * cannot be read, everything is wanted.
 */
extern QlmAcceptance qlm_accept_header_quality(const char *header, const char *type);

#endif							/* QLM_ACCEPT_HEADER_H */
