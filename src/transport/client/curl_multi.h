/*
 * curl_multi.h
 *		libcurl's multi interface with its sockets in an epoll set, which nests in
 *		whatever waits.  What is waited for, and when, the library says itself.
 */
#ifndef QLM_CURL_MULTI_H
#define QLM_CURL_MULTI_H

#include <curl/curl.h>

typedef struct QlmCurlMulti
{
	CURLM	   *handle;			/* NULL: none */
	int			epoll;			/* of the owner, who closes it */
} QlmCurlMulti;

/* Start the library in this process; raises an error if that cannot be. */
extern void qlm_curl_start(void);

/* False: no memory */
extern bool qlm_curl_multi_init(QlmCurlMulti *multi, int epoll);
extern void qlm_curl_multi_free(QlmCurlMulti *multi);

extern bool qlm_curl_multi_add(QlmCurlMulti *multi, CURL *easy);
extern void qlm_curl_multi_remove(QlmCurlMulti *multi, CURL *easy);

/* Do what can be done without waiting, in so many rounds at most. */
extern void qlm_curl_multi_run(QlmCurlMulti *multi, int rounds);

/* One that is done with, and how that went; NULL: none */
extern CURL *qlm_curl_multi_next(QlmCurlMulti *multi, CURLcode *result);

/* ms until it must run again even if nothing happens; -1: never */
extern int64 qlm_curl_multi_due(const QlmCurlMulti *multi);

#endif							/* QLM_CURL_MULTI_H */
