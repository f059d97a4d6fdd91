/*
 * receiver.c
 *		Receiver of callbacks for bench/run.sh: takes what is posted, answers at
 *		once, and checks that the numbers in it come one after the other.
 *
 * usage: receiver [hang]
 *
 * It listens on a free port of loopback, which it prints.  POST is answered
 * with 200 and an empty body, GET with one line: messages, numbers that were
 * not one more than the one before, and the time of the first and the last
 * message (microseconds since 1970).  Each GET starts a new count.
 *
 * "hang" accepts connections and never answers.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE 65536		/* of a request */

typedef struct Connection
{
	int			fd;
	size_t		received;
	char		buffer[BUFFER_SIZE + 1];
} Connection;

static bool hang;
static long messages;
static long wrong;
static long last_number;
static long first_at;
static long last_at;

static void
die(const char *what)
{
	fprintf(stderr, "receiver: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000L + ts.tv_nsec / 1000;
}

/* Undo the escapes of a form, in place. */
static void
decode(char *text)
{
	char	   *to = text;

	for (; *text != '\0'; text++)
	{
		if (*text == '%' && isxdigit(text[1]) && isxdigit(text[2]))
		{
			char		digits[3] = {text[1], text[2], '\0'};

			*to++ = (char) strtol(digits, NULL, 16);
			text += 2;
		}
		else
			*to++ = *text;
	}
	*to = '\0';
}

/* The content of each value is a number. */
static void
count_message(char *body)
{
	const char *at = body;

	if (strncmp(body, "msg=", 4) == 0)
		decode(body);
	messages++;
	last_at = now();
	if (first_at == 0)
		first_at = last_at;
	while ((at = strstr(at, "<value")) != NULL && (at = strchr(at, '>')) != NULL)
	{
		long		number = strtol(at + 1, NULL, 10);

		if (last_number != 0 && number != last_number + 1)
			wrong++;
		last_number = number;
	}
}

static void
answer(Connection *connection, const char *body)
{
	char		text[512];
	int			n = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
							"Content-Length: %zu\r\n\r\n%s", strlen(body), body);

	if (send(connection->fd, text, n, MSG_NOSIGNAL) != n)
		die("send");
}

static void
report(Connection *connection)
{
	char		line[128];

	sprintf(line, "%ld %ld %ld %ld\n", messages, wrong, first_at, last_at);
	answer(connection, line);
	messages = wrong = last_number = first_at = last_at = 0;
}

/* Handle the requests that are there as a whole. */
static void
handle(Connection *connection)
{
	for (;;)
	{
		char	   *end;
		char	   *length;
		char	   *body;
		size_t		size = 0;
		char		kept;

		connection->buffer[connection->received] = '\0';
		end = strstr(connection->buffer, "\r\n\r\n");
		if (end == NULL)
			return;
		body = end + 4;
		length = strcasestr(connection->buffer, "\r\nContent-Length:");
		if (length != NULL && length < end)
			size = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
		if (body + size > connection->buffer + BUFFER_SIZE)
		{
			fprintf(stderr, "receiver: a message of %zu bytes\n", size);
			exit(1);
		}
		if (body + size > connection->buffer + connection->received)
			return;
		if (strncmp(connection->buffer, "GET ", 4) == 0)
			report(connection);
		else
		{
			kept = body[size];
			body[size] = '\0';
			count_message(body);
			body[size] = kept;
			answer(connection, "");
		}
		connection->received -= body + size - connection->buffer;
		memmove(connection->buffer, body + size, connection->received);
	}
}

/* False: the connection has ended. */
static bool
receive_more(Connection *connection)
{
	for (;;)
	{
		ssize_t		n = recv(connection->fd,
							 connection->buffer + connection->received,
							 BUFFER_SIZE - connection->received, 0);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		connection->received += n;
		if (hang)
			connection->received = 0;
		else
			handle(connection);
	}
}

static void
accept_connection(int epoll, int listener)
{
	struct epoll_event event = {.events = EPOLLIN};
	Connection *connection = calloc(1, sizeof(Connection));
	int			on = 1;

	if (connection == NULL)
		die("memory");
	connection->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (connection->fd < 0)
		die("accept");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	event.data.ptr = connection;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
		die("epoll_ctl");
}

static int
listen_on_free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	size = sizeof address;
	int			fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *) &address, size) < 0 ||
		listen(fd, 128) < 0 ||
		getsockname(fd, (struct sockaddr *) &address, &size) < 0)
		die("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	int			epoll = epoll_create1(0);
	int			listener;
	struct epoll_event event = {.events = EPOLLIN};

	hang = argc > 1 && strcmp(argv[1], "hang") == 0;
	listener = listen_on_free_port();
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		die("start");
	for (;;)
	{
		struct epoll_event events[64];
		int			n = epoll_wait(epoll, events, 64, -1);

		for (int i = 0; i < n; i++)
		{
			Connection *connection = events[i].data.ptr;

			if (connection == NULL)
				accept_connection(epoll, listener);
			else if (!receive_more(connection))
			{
				close(connection->fd);
				free(connection);
			}
		}
	}
}
