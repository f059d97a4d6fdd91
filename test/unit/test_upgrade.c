/*
 * test_upgrade.c
 *		The opening handshake of a WebSocket, as a client asks for it and as it
 *		reads the answer.
 */
#include "postgres.h"

#include "transport/client/upgrade.h"

#include "shim.h"
#include "tap.h"

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define YES "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"

static const struct
{
	const char *head;
	int			status;
	const char *problem;		/* how it begins; NULL: none */
}			answers[] = {
	{YES "\r\n", 101, NULL},
	{"HTTP/1.1 101\r\nconnection: keep-alive, upgrade\r\nUPGRADE:\tWebSocket \r\nsec-websocket-accept:" ACCEPT " \r\nX: y\r\n\r\n", 101, NULL},
	{YES "Sec-WebSocket-Protocol: \r\n\r\n", 101, NULL},
	{YES "qlm-acknowledge: 1\r\n\r\n", 101, NULL},
	{YES "QLM-Acknowledge: no\r\n\r\n", 101, NULL},
	{YES "Sec-WebSocket-Protocol: soap\r\n\r\n", 101, "its answer chooses"},
	{YES "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101, "its answer chooses"},
	{YES "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", 101, "Sec-WebSocket-Accept"},
	{YES "no header\r\n\r\n", 101, "its answer has a line"},
	{"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 101, "Sec-WebSocket-Accept"},
	{"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n", 101, "Sec-WebSocket-Accept"},
	{"HTTP/1.1 101 X\r\nUpgrade: websockets\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", 101, "its answer upgrades"},
	{"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " ACCEPT "\r\n\r\n", 101, "its answer upgrades"},
	{"HTTP/1.1 200 OK\r\n\r\n", 200, "it does not open"},
	{"HTTP/1.1 404 Not Found\r\nUpgrade: websocket\r\n\r\n", 404, "it does not open"},
	{"HTTP/1.0 101 X\r\n\r\n", 0, "it does not speak"},
	{"HTTP/1.1 1012 X\r\n\r\n", 0, "it does not speak"},
	{"HTTP/1.1 1\r\n\r\n", 0, "it does not speak"},
	{"\r\n\r\n", 0, "it does not speak"},
	{"", 0, "it does not speak"}
};

static void
test_answers(void)
{
	for (int i = 0; i < lengthof(answers); i++)
	{
		char	   *head = pstrdup(answers[i].head);
		int			status = -1;
		bool		acknowledges;
		const char *problem = qlm_upgrade_problem(head, ACCEPT, &status, &acknowledges);

		tap_ok(status == answers[i].status, "answer %d: status %d", i, status);
		if (answers[i].problem)
			tap_ok(problem && strncmp(problem, answers[i].problem, strlen(answers[i].problem)) == 0,
				   "answer %d: %s", i, problem ? problem : "none");
		else
			tap_ok(problem == NULL, "answer %d: taken", i);
		tap_ok(acknowledges == (strstr(answers[i].head, "acknowledge: 1\r") != NULL),
			   "answer %d: what it says of acknowledging", i);
	}
}

static void
test_heads(void)
{
	tap_ok(qlm_upgrade_head("a\r\n\r\n", 5) == 5, "a head");
	tap_ok(qlm_upgrade_head("a\r\n\r\nmore\r\n\r\n", 13) == 5, "what comes behind it is none of it");
	tap_ok(qlm_upgrade_head("a\r\n\r", 4) == 0, "half a head");
	tap_ok(qlm_upgrade_head("\n\n\n\n", 4) == 0, "bare line feeds");
	tap_ok(qlm_upgrade_head("", 0) == 0, "nothing");
}

static void
test_values(void)
{
	static const char head[] = "HTTP/1.1 503 X\r\nXRetry-After: 1\r\nretry-after:\t 20 \r\nLocation: /a\r\n\r\n";
	char		value[8];

	qlm_upgrade_value(head, "Retry-After", value, sizeof(value));
	tap_is(value, "20", "the value of a header");
	qlm_upgrade_value(head, "location", value, sizeof(value));
	tap_is(value, "/a", "whatever its case");
	qlm_upgrade_value(head, "Server", value, sizeof(value));
	tap_is(value, "", "one that is not there");
	qlm_upgrade_value("Location: /a", "Location", value, sizeof(value));
	tap_is(value, "", "nor the status line");
	qlm_upgrade_value("\r\nServer: 0123456789", "Server", value, sizeof(value));
	tap_is(value, "0123456", "one that is longer than the room for it");
}

static void
test_requests(void)
{
	QlmUpgrade	upgrade = {"[::1]", "8090", "/a", "b=c", "Bearer x", "KEY", "test"};
	char		text[400];
	Size		len = qlm_upgrade_request(text, sizeof(text), &upgrade);

	tap_is(pnstrdup(text, len),
		   "GET /a?b=c HTTP/1.1\r\nHost: [::1]:8090\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		   "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer x\r\n"
		   "QLM-Acknowledge: 1\r\nUser-Agent: test\r\n\r\n", "a request");
	upgrade.port = upgrade.query = upgrade.authorization = NULL;
	len = qlm_upgrade_request(text, sizeof(text), &upgrade);
	tap_is(pnstrdup(text, len),
		   "GET /a HTTP/1.1\r\nHost: [::1]\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		   "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\nQLM-Acknowledge: 1\r\nUser-Agent: test\r\n\r\n",
		   "one with as little as possible");
	tap_ok(qlm_upgrade_request(text, len, &upgrade) == 0, "there is room for it, or there is none");
	tap_ok(qlm_upgrade_request(text, len + 1, &upgrade) == len, "to the byte");
}

int
main(void)
{
	test_answers();
	test_heads();
	test_values();
	test_requests();
	return tap_done();
}
