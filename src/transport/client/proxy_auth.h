/*
 * proxy_auth.h
 *		Which proxies are shown credentials without having asked for them.
 */
#ifndef QLM_PROXY_AUTH_H
#define QLM_PROXY_AUTH_H

/*
 * Does this proxy, which is a URL with credentials, take Basic and nothing else?
 * Then they are shown at once; else who asks it waits to be asked, and chooses.
 */
extern bool qlm_proxy_auth_is_basic(const char *proxy);

/*
 * A transfer through it has ended with this status, of the proxy or behind it, and
 * the tunnel with that one, 0: there was none.  asked_basic: the proxy has asked
 * for Basic alone.
 */
extern void qlm_proxy_auth_note(const char *proxy, long status, long tunnel,
								bool asked_basic);

#endif							/* QLM_PROXY_AUTH_H */
