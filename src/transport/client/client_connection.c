/*
 * client_connection.c
 *		The connection of a WebSocket that this node opens.
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base64.h"

#include "transport/client/client_connection.h"
#include "transport/client/upgrade.h"

#define NONCE_LEN		16
#define MAX_BASIC		1024	/* user and password in a URL */

void
qlm_client_connection_init(QlmClientConnection *connection)
{
	memset(connection, 0, sizeof(QlmClientConnection));
	connection->epoll = -1;
	connection->fd = CURL_SOCKET_BAD;
}

bool
qlm_client_connection_prepare(QlmClientConnection *connection, MemoryContext context,
							  QlmAddressCheck allowed, QlmTransfer *transfer,
							  const char **error)
{
	connection->op = qlm_http_operation_create(context, allowed);
	return qlm_http_operation_prepare_socket(connection->op, transfer, error);
}

bool
qlm_client_connection_begin(QlmClientConnection *connection, int epoll, void *owner)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};

	connection->epoll = epoll_create1(EPOLL_CLOEXEC);
	return connection->epoll >= 0 &&
		epoll_ctl(epoll, EPOLL_CTL_ADD, connection->epoll, &event) == 0 &&
		qlm_curl_multi_init(&connection->multi, connection->epoll) &&
		qlm_curl_multi_add(&connection->multi, connection->op->easy);
}

void
qlm_client_connection_end(QlmClientConnection *connection)
{
	if (connection->multi.handle && connection->op->easy)
		qlm_curl_multi_remove(&connection->multi, connection->op->easy);
	if (connection->op)
		qlm_http_operation_free(connection->op);
	qlm_curl_multi_free(&connection->multi);
	if (connection->epoll >= 0)
		close(connection->epoll);
	qlm_client_connection_init(connection);
}

/* Takes the socket over from libcurl, which no longer knows it. */
static void
take_over(QlmClientConnection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = connection->fd};

	if (epoll_ctl(connection->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0 &&
		errno == EEXIST)
		(void) epoll_ctl(connection->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

QlmConnecting
qlm_client_connection_go_on(QlmClientConnection *connection)
{
	CURLcode	code;

	qlm_curl_multi_run(&connection->multi, 1);
	if (qlm_curl_multi_next(&connection->multi, &code) == NULL)
		return QLM_CONNECTING;
	if (code == CURLE_OK)
		code = curl_easy_getinfo(connection->op->easy, CURLINFO_ACTIVESOCKET, &connection->fd);
	if (code == CURLE_OK && connection->fd != CURL_SOCKET_BAD)
	{
		take_over(connection);
		return QLM_CONNECTED;
	}
	qlm_http_operation_set_error(connection->op, code);
	return QLM_CONNECT_FAILED;
}

int64
qlm_client_connection_due(const QlmClientConnection *connection)
{
	return connection->multi.handle ? qlm_curl_multi_due(&connection->multi) : -1;
}

bool
qlm_client_connection_allows(QlmClientConnection *connection, QlmTransfer *transfer)
{
	struct sockaddr_storage address;
	socklen_t	len = sizeof(address);

	connection->op->transfer = transfer;
	if (getpeername(connection->fd, (struct sockaddr *) &address, &len) != 0)
		return false;
	if (qlm_http_operation_allows(connection->op, (struct sockaddr *) &address))
		return true;
	connection->op->nallowed = 0;
	qlm_http_operation_set_error(connection->op, CURLE_COULDNT_CONNECT);
	return false;
}

static char *
part_of_url(QlmClientConnection *connection, CURLUPart part, unsigned int flags)
{
	char	   *text = NULL;

	return curl_url_get(connection->op->url, part, &text, flags) == CURLUE_OK ? text : NULL;
}

/*
 * Returns user and password of the URL as Basic authorization, as curl sends
 * them; NULL if there are none.
 */
static const char *
basic_authorization(QlmClientConnection *connection, char *to, Size size)
{
	char	   *user = part_of_url(connection, CURLUPART_USER, CURLU_URLDECODE);
	char	   *password = part_of_url(connection, CURLUPART_PASSWORD, CURLU_URLDECODE);
	char		text[MAX_BASIC];
	int			prefix = strlcpy(to, "Basic ", size);
	int			len = snprintf(text, sizeof(text), "%s:%s", user ? user : "",
							   password ? password : "");
	bool		given = user != NULL;

	curl_free(user);
	curl_free(password);
	if (!given || len >= (int) sizeof(text))
		return NULL;
	len = pg_b64_encode((const void *) text, len, to + prefix, size - prefix - 1);
	if (len < 0)
		return NULL;
	to[prefix + len] = '\0';
	return to;
}

static Size
print_request(QlmClientConnection *connection, const char *authorization, const char *key,
			  char *to, Size size)
{
	char		basic[2 * MAX_BASIC];
	char	   *host = part_of_url(connection, CURLUPART_HOST, 0);
	char	   *port = part_of_url(connection, CURLUPART_PORT, 0);
	char	   *path = part_of_url(connection, CURLUPART_PATH, 0);
	char	   *query = part_of_url(connection, CURLUPART_QUERY, 0);
	QlmUpgrade	upgrade = {
		host ? host : "", port, path ? path : "/", query,
		authorization ? authorization : basic_authorization(connection, basic, sizeof(basic)),
		key, "qlm/" QLM_VERSION
	};
	Size		len = 0;

	if (upgrade.authorization == NULL || strpbrk(upgrade.authorization, "\r\n") == NULL)
		len = qlm_upgrade_request(to, size, &upgrade);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_free(query);
	return len;
}

static bool
make_key(char key[QLM_KEY_SIZE], char accept[QLM_ACCEPT_SIZE])
{
	uint8		nonce[NONCE_LEN];
	int			len;

	if (!pg_strong_random(nonce, sizeof(nonce)))
		return false;
	len = pg_b64_encode((const void *) nonce, sizeof(nonce), key, QLM_KEY_SIZE - 1);
	if (len < 0)
		return false;
	key[len] = '\0';
	return qlm_handshake_accept(key, accept);
}

QlmQueuedFrame *
qlm_client_connection_request(QlmClientConnection *connection, MemoryContext context,
							  const char *authorization, char accept[QLM_ACCEPT_SIZE])
{
	char		key[QLM_KEY_SIZE];
	QlmQueuedFrame *request = qlm_frame_alloc(context, QLM_MAX_UPGRADE);

	if (request == NULL)
		return NULL;
	if (!make_key(key, accept))
	{
		pfree(request);
		return NULL;
	}
	request->len = print_request(connection, authorization, key, request->data,
								 QLM_MAX_UPGRADE);
	return request;
}

void
qlm_client_connection_watch(QlmClientConnection *connection, bool wants_to_send)
{
	struct epoll_event event = {
		.events = EPOLLIN | (wants_to_send ? EPOLLOUT : 0), .data.fd = connection->fd
	};

	if (wants_to_send != connection->wants_to_send &&
		epoll_ctl(connection->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0)
		connection->wants_to_send = wants_to_send;
}
