/*
 * url_route.c
 *		What a request asks for, by its URL.
 *
 * Messages are taken at /, at /qlm and at /qlmws, where WebSocket clients of
 * another implementation connect.  A peer that names itself uses /peer/NAME or
 * ?peer=NAME. All of these take posts and WebSockets.  Discovery is below
 * /Objects.  Other nodes post the data of remote subscriptions to
 * /callback/TOKEN.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "transport/coding/form.h"
#include "worker/server/url_route.h"

#define PEER_PREFIX "/peer/"
#define OBJECTS "/Objects"
#define CALLBACK_PREFIX "/callback/"
#define MESSAGE_PATH "/qlm"
#define MAX_TOKEN 64

static bool
is_path(const char *path, const char *name)
{
	Size		len = strlen(name);

	return strncmp(path, name, len) == 0 &&
		(path[len] == '\0' || strcmp(path + len, "/") == 0);
}

/* Returns the decoded rest of /peer/NAME, or NULL if it cannot be a name. */
static const char *
peer_of_path(const char *path)
{
	char	   *name;
	Size		len;

	if (strncmp(path, PEER_PREFIX, strlen(PEER_PREFIX)) != 0)
		return NULL;
	name = pstrdup(path + strlen(PEER_PREFIX));
	len = strlen(name);
	if (len > 0 && name[len - 1] == '/')
		name[len - 1] = '\0';
	if (name[0] == '\0' || strchr(name, '/') || !qlm_form_decode(name))
		return NULL;
	return name;
}

/* Returns the rest of /callback/TOKEN or /qlm/callback/TOKEN, or NULL. */
static const char *
token_of_path(const char *path)
{
	Size		len;

	if (strncmp(path, MESSAGE_PATH "/", strlen(MESSAGE_PATH "/")) == 0)
		path += strlen(MESSAGE_PATH);
	if (strncmp(path, CALLBACK_PREFIX, strlen(CALLBACK_PREFIX)) != 0)
		return NULL;
	path += strlen(CALLBACK_PREFIX);
	len = strspn(path, "0123456789abcdef");
	return path[len] == '\0' && len > 0 && len <= MAX_TOKEN ? path : NULL;
}

static QlmUrlRoute
get_route(const QlmHttpRequest *request, const char *peer_name)
{
	const char *path = request->path;
	bool		is_get = request->method == QLM_HTTP_GET ||
		request->method == QLM_HTTP_HEAD;
	bool		is_post = request->method == QLM_HTTP_POST;
	QlmUrlRoute	route = {QLM_ROUTE_UNKNOWN, NULL, peer_name, token_of_path(path)};

	if (is_path(path, "/health"))
	{
		route.kind = is_get ? QLM_ROUTE_HEALTH : QLM_ROUTE_BAD_METHOD;
		route.allow = "GET, HEAD, OPTIONS";
	}
	else if (strcmp(path, "/") == 0 ||
			 (strcmp(path, "*") == 0 && request->method == QLM_HTTP_OPTIONS))
	{
		route.kind = request->wants_socket ? QLM_ROUTE_SOCKET :
			is_get ? QLM_ROUTE_HOME :
			is_post ? QLM_ROUTE_MESSAGE : QLM_ROUTE_BAD_METHOD;
		route.allow = "GET, HEAD, POST, OPTIONS";
	}
	else if (strncmp(path, OBJECTS, strlen(OBJECTS)) == 0 &&
			 (path[strlen(OBJECTS)] == '\0' || path[strlen(OBJECTS)] == '/'))
	{
		route.kind = is_get ? QLM_ROUTE_DISCOVERY : QLM_ROUTE_BAD_METHOD;
		route.allow = "GET, HEAD, OPTIONS";
	}
	else if (route.token)
	{
		route.kind = is_post ? QLM_ROUTE_MESSAGE : QLM_ROUTE_BAD_METHOD;
		route.allow = "POST, OPTIONS";
	}
	else if (is_path(path, MESSAGE_PATH) || is_path(path, "/qlmws") ||
			 strncmp(path, PEER_PREFIX, strlen(PEER_PREFIX)) == 0)
	{
		route.kind = request->wants_socket ? QLM_ROUTE_SOCKET :
			is_post ? QLM_ROUTE_MESSAGE : QLM_ROUTE_BAD_METHOD;
		route.allow = "POST, OPTIONS";
	}
	if (request->method == QLM_HTTP_OPTIONS && route.allow)
		route.kind = QLM_ROUTE_OPTIONS;
	return route;
}

QlmUrlRoute
qlm_url_route_find(const QlmHttpRequest *request)
{
	const char *peer_name = request->peer_name;
	QlmUrlRoute	route;

	if (strncmp(request->path, PEER_PREFIX, strlen(PEER_PREFIX)) == 0)
	{
		peer_name = peer_of_path(request->path);
		if (peer_name == NULL)
			return (QlmUrlRoute) {QLM_ROUTE_UNKNOWN};
	}
	if (peer_name && peer_name[0] == '\0')
		peer_name = NULL;
	if (peer_name &&
		!pg_verify_mbstr(PG_UTF8, peer_name, (int) strlen(peer_name), true))
		return (QlmUrlRoute) {QLM_ROUTE_UNKNOWN};
	route = get_route(request, peer_name);
	return route;
}
