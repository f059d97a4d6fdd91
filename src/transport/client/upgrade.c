/*
 * upgrade.c
 *		The opening handshake of a WebSocket, on the client's side.
 */
#include "postgres.h"

#include "transport/client/upgrade.h"
#include "transport/coding/handshake.h"
#include "transport/coding/header.h"

/* The headers that matter.  If one is repeated the answer is invalid. */
typedef struct Answer
{
	bool		upgrades;
	bool		connects;
	int			naccepts;
	bool		accepts;
	bool		chooses;		/* an extension or protocol that was not offered */
	bool		acknowledges;
} Answer;

Size
qlm_upgrade_request(char *to, Size size, const QlmUpgrade *upgrade)
{
	int			len = snprintf(to, size,
							   "GET %s%s%s HTTP/1.1\r\n"
							   "Host: %s%s%s\r\n"
							   "Upgrade: websocket\r\n"
							   "Connection: Upgrade\r\n"
							   "Sec-WebSocket-Key: %s\r\n"
							   "Sec-WebSocket-Version: 13\r\n"
							   "%s%s%s"
							   QLM_ACKNOWLEDGE_HEADER ": 1\r\n"
							   "User-Agent: %s\r\n\r\n",
							   upgrade->path, upgrade->query ? "?" : "",
							   upgrade->query ? upgrade->query : "",
							   upgrade->host, upgrade->port ? ":" : "",
							   upgrade->port ? upgrade->port : "",
							   upgrade->key,
							   upgrade->authorization ? "Authorization: " : "",
							   upgrade->authorization ? upgrade->authorization : "",
							   upgrade->authorization ? "\r\n" : "",
							   upgrade->agent);

	return len > 0 && len < size ? len : 0;
}

Size
qlm_upgrade_head(const char *data, Size len)
{
	for (Size i = 3; i < len; i++)
		if (data[i] == '\n' && memcmp(data + i - 3, "\r\n\r\n", 4) == 0)
			return i + 1;
	return 0;
}

void
qlm_upgrade_value(const char *head, const char *name, char *to, Size size)
{
	Size		n = strlen(name);
	const char *line;

	*to = '\0';
	for (line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n"))
	{
		line += 2;
		if (pg_strncasecmp(line, name, n) == 0 && line[n] == ':')
		{
			line += n + 1;
			line += strspn(line, " \t");
			n = strcspn(line, "\r\n");
			while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
				n--;
			strlcpy(to, line, Min(n + 1, size));
			return;
		}
	}
}

/*
 * Returns the three digits after the version, or 0 if it is not a status line.
 */
static int
parse_status(const char *line)
{
	int			status = 0;

	if (strncmp(line, "HTTP/1.1 ", 9) != 0)
		return 0;
	line += 9;
	for (int i = 0; i < 3; i++)
	{
		if (line[i] < '0' || line[i] > '9')
			return 0;
		status = status * 10 + (line[i] - '0');
	}
	return line[3] == ' ' || line[3] == '\0' ? status : 0;
}

static char *
trim(char *value)
{
	Size		len;

	value += strspn(value, " \t");
	len = strlen(value);
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		value[--len] = '\0';
	return value;
}

static void
take_header(Answer *answer, const char *name, char *value, const char *accept)
{
	value = trim(value);
	if (pg_strcasecmp(name, "Upgrade") == 0)
		answer->upgrades |= qlm_header_has_token(value, "websocket");
	else if (pg_strcasecmp(name, "Connection") == 0)
		answer->connects |= qlm_header_has_token(value, "Upgrade");
	else if (pg_strcasecmp(name, "Sec-WebSocket-Accept") == 0)
	{
		answer->naccepts++;
		answer->accepts = strcmp(value, accept) == 0;
	}
	else if (pg_strcasecmp(name, QLM_ACKNOWLEDGE_HEADER) == 0)
		answer->acknowledges = strcmp(value, "1") == 0;
	else if (pg_strcasecmp(name, "Sec-WebSocket-Extensions") == 0 ||
			 pg_strcasecmp(name, "Sec-WebSocket-Protocol") == 0)
		answer->chooses |= *value != '\0';
}

/* Cuts the next line off; NULL if there is none. */
static char *
next_line(char **rest)
{
	char	   *line = *rest;
	char	   *end = strstr(line, "\r\n");

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 2;
	return line;
}

const char *
qlm_upgrade_problem(char *head, const char *accept, int *status, bool *acknowledges)
{
	Answer		answer = {0};
	char	   *line = next_line(&head);

	*acknowledges = false;
	*status = line ? parse_status(line) : 0;
	if (*status == 0)
		return "it does not speak HTTP/1.1";
	if (*status != 101)
		return "it does not open a WebSocket there";
	while ((line = next_line(&head)) != NULL && *line != '\0')
	{
		char	   *colon = strchr(line, ':');

		if (colon == NULL)
			return "its answer has a line that is no header";
		*colon = '\0';
		take_header(&answer, line, colon + 1, accept);
	}
	*acknowledges = answer.acknowledges;
	if (!answer.upgrades || !answer.connects)
		return "its answer upgrades to something else than a WebSocket";
	if (answer.naccepts != 1 || !answer.accepts)
		return "Sec-WebSocket-Accept in its answer does not fit the key";
	return answer.chooses ? "its answer chooses an extension or protocol that was not offered" : NULL;
}
