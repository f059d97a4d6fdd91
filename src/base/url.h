/*
 * url.h
 *		URLs: what a callback must be.
 */
#ifndef QLM_URL_H
#define QLM_URL_H

/*
 * Is it an absolute http or https URL with a host, and a port that exists if
 * any?  host, if not NULL: where it is named in the text, without brackets.
 */
extern bool qlm_url_is_http(const char *text, const char **host, int *host_len);

/* The same of ws and wss, and of all four */
extern bool qlm_url_is_socket(const char *text);
extern bool qlm_url_is_callback(const char *text, const char **host,
								int *host_len);

/* What a proxy may be: a URL of http, https, socks5 or socks5h (it resolves names) */
extern bool qlm_url_is_proxy(const char *text);

/*
 * Where a URL leads, its host and port, as a number: many URLs of one server
 * have the same, however they write it.  0: it is not a URL
 * of these.
 */
extern uint64 qlm_url_server(const char *text);

/*
 * Copy a text of others, with three stars for what stands before "@" in URLs in it.
 */
extern void qlm_url_mask(char *to, const char *text, Size size);

#endif							/* QLM_URL_H */
