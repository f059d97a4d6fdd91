/*
 * request_target.h
 *		The target of a request line: a path, or a whole URL as proxies send it.
 */
#ifndef QLM_REQUEST_TARGET_H
#define QLM_REQUEST_TARGET_H

#define QLM_AUTHORITY_SIZE 300

/*
 * The path of a target without query.  The authority of a URL is copied, which
 * then counts instead of the Host header (RFC 9112, 3.2.2), else it is empty.
 * NULL: neither a path nor a URL of http or https.
 */
extern const char *qlm_request_target_path(const char *target,
								   char authority[QLM_AUTHORITY_SIZE]);

#endif							/* QLM_REQUEST_TARGET_H */
