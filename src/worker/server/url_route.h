/*
 * url_route.h
 *		URLs: what a request asks for.
 */
#ifndef QLM_URL_ROUTE_H
#define QLM_URL_ROUTE_H

#include "transport/web_server.h"

typedef enum QlmUrlRouteKind
{
	QLM_ROUTE_MESSAGE,
	QLM_ROUTE_DISCOVERY,
	QLM_ROUTE_SOCKET,			/* messages, on a WebSocket */
	QLM_ROUTE_HOME,
	QLM_ROUTE_HEALTH,
	QLM_ROUTE_OPTIONS,			/* asks which methods allow says */
	QLM_ROUTE_BAD_METHOD,		/* allow says which are good */
	QLM_ROUTE_UNKNOWN
} QlmUrlRouteKind;

typedef struct QlmUrlRoute
{
	QlmUrlRouteKind kind;
	const char *allow;
	const char *peer_name;		/* claimed; NULL: none.  Valid UTF-8 */
	const char *token;			/* of a callback of this node; NULL: none */
} QlmUrlRoute;

/* Allocates in the current memory context. */
extern QlmUrlRoute qlm_url_route_find(const QlmHttpRequest *request);

#endif							/* QLM_URL_ROUTE_H */
