/*
 * proxy_auth.h
 *		How credentials are shown to proxies, for http_operation.c and
 *		http_outcome.c.
 */
#ifndef QLM_PROXY_AUTH_H
#define QLM_PROXY_AUTH_H

#include "transport/client/http_operation.h"

/*
 * The schemes for this proxy, which is a URL with credentials.  Basic alone is
 * shown at once; else the library waits to be asked, and chooses.
 */
extern long qlm_proxy_auth(const char *proxy);

/* A transfer through its proxy has ended with this status, of the proxy or behind it. */
extern void qlm_proxy_auth_note(QlmHttpOperation *op, long status);

#endif							/* QLM_PROXY_AUTH_H */
