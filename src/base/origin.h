/*
 * origin.h
 *		Lists of web origins: '*', or 'https://app.example.com, http://[::1]:3000'.
 */
#ifndef QLM_ORIGIN_H
#define QLM_ORIGIN_H

/* What a page of an origin may do here */
typedef enum QlmOriginVerdict
{
	QLM_ORIGIN_SAME,			/* no page, or one of our own */
	QLM_ORIGIN_ANY,				/* everybody may */
	QLM_ORIGIN_LISTED,
	QLM_ORIGIN_FOREIGN			/* nothing */
} QlmOriginVerdict;

/* What a request says of the page that sends it; NULL: nothing */
typedef struct QlmOriginCaller
{
	const char *origin;			/* headers */
	const char *host;			/* one of ours */
	const char *fetch_site;		/* Sec-Fetch-Site, -Mode */
	const char *fetch_mode;
	const char *url;			/* under which others reach this node */
	bool		only_looks;		/* it changes nothing */
	const char *forwarded;		/* host by which a proxy was called for it, ours */
	int			forwarded_len;
} QlmOriginCaller;

extern QlmOriginVerdict qlm_origin_judge(const char *list,
										 const QlmOriginCaller *caller);

/* Does the list name origins, so that answers depend on who asks? */
extern bool qlm_origin_list_varies(const char *list);

/* False, with the first wrong entry as part of the list, where it is none. */
extern bool qlm_origin_list_valid(const char *list,
								  const char **bad, int *bad_len);

#endif							/* QLM_ORIGIN_H */
