/*
 * load.c
 *		Load generator for bench/run.sh: sends requests to a server on loopback
 *		over keep-alive connections, checks each answer, prints one line.
 *
 * usage: load PORT CONNECTIONS SECONDS REQUESTS WHAT
 *        load show WHAT
 *
 * It ends after SECONDS or REQUESTS, whichever comes first (0: no bound).
 * WHAT is one of
 *   write VALUES BASE [ROOT [N]]  an envelope of VALUES (1, 100 or 10000)
 *                              numbers for InfoItems ROOT/o00/i00 to
 *                              ROOT/o99/i99; below N ROOTs: ROOT00, ROOT01 ...
 *   lines VALUES BASE          the same in InfluxDB's line protocol
 *   post FILE                  a file as it is
 *   call FILE PATH             the same, to a path
 *   wait FILE PATH             a file, to be held for up to 55 seconds
 *   get PATH [TEXT]            GET, the answer has TEXT in it
 *   mix BASE PATH FILE...      by turns 1 value, 100, GET of the path, the files
 * Each write has a time of its own, microseconds after BASE (seconds since
 * 1970).  "show" prints the body of the first request.
 *
 * Output: requests answered well, requests failed, seconds, the median and the
 * 99th percentile of the latency in microseconds, and MB received.
 */
#include "request.h"

#include <arpa/inet.h>
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RESPONSE_KEPT	4096	/* of a response, enough for its head */
#define MAX_SPECS		16

/* Where in a chunked body the next byte stands */
typedef enum ChunkState
{
	CHUNK_SIZE,					/* in the digits of a size */
	CHUNK_EXTENSION,			/* after them, before the line feed */
	CHUNK_DATA,					/* in the data, or its line end */
	CHUNK_TRAILER				/* after the last, at the start of a line */
} ChunkState;

typedef struct Connection
{
	int			fd;
	bool		busy;			/* a request is under way */
	Request	   *requests;		/* one of each spec */
	Request    *request;		/* the current one */
	size_t		sent;
	char		response[RESPONSE_KEPT + 1];
	size_t		received;
	size_t		expected;		/* head and body; 0: not known yet */
	bool		chunked;
	ChunkState	chunk_state;
	size_t		chunk_left;
	size_t		chunk_seen;		/* bytes of the response that were looked at */
	double		started;
} Connection;

static struct
{
	int			port;
	int			nconnections;
	double		seconds;
	long		requests;
	int			nspecs;
	RequestSpec specs[MAX_SPECS];
} options;

static long started;
static long succeeded;
static long failed;
static double received;
static double *latencies;
static size_t nlatencies;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
open_connection(Connection *connection)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int			on = 1;

	address.sin_port = htons(options.port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connection->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connection->fd < 0 ||
		connect(connection->fd, (struct sockaddr *) &address, sizeof address) < 0)
		die("connect");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) < 0)
		die("fcntl");
}

static void
send_more(Connection *connection)
{
	while (connection->sent < connection->request->length)
	{
		ssize_t		n = send(connection->fd,
							 connection->request->bytes + connection->sent,
							 connection->request->length - connection->sent,
							 MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			die("send");
		connection->sent += n;
	}
}

static void
start_request(Connection *connection)
{
	connection->request = &connection->requests[started % options.nspecs];
	request_change(connection->request, started++);
	connection->sent = 0;
	connection->received = 0;
	connection->expected = 0;
	connection->chunked = false;
	connection->started = now();
	connection->busy = true;
	send_more(connection);
}

/* What has come is kept up to RESPONSE_KEPT: head and beginning of the body. */
static void
find_expected(Connection *connection)
{
	char	   *end = strstr(connection->response, "\r\n\r\n");
	char	   *length;
	size_t		head;

	if (end == NULL)
		return;
	head = end + 4 - connection->response;
	length = strcasestr(connection->response, "\r\nContent-Length:");
	if (length != NULL && length < end)
		connection->expected = head +
			strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	else if (strncmp(connection->response, "HTTP/1.1 204", 12) == 0)
		connection->expected = head;
	else if ((length = strcasestr(connection->response,
								  "\r\nTransfer-Encoding: chunked")) != NULL &&
			 length < end)
	{
		connection->chunked = true;
		connection->chunk_state = CHUNK_SIZE;
		connection->chunk_left = 0;
		connection->chunk_seen = head;
	}
	else
	{
		fprintf(stderr, "load: a response without length\n");
		exit(1);
	}
}

static int
digit_of(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Go through n bytes of a chunked body; true at its end. */
static bool
skip_chunks(Connection *connection, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		char		c = bytes[i];

		switch (connection->chunk_state)
		{
			case CHUNK_SIZE:
				if (c == '\n')
				{
					connection->chunk_state = connection->chunk_left == 0 ?
						CHUNK_TRAILER : CHUNK_DATA;
					connection->chunk_left += 2;	/* and the line end */
				}
				else if (c == '\r' || c == ';')
					connection->chunk_state = CHUNK_EXTENSION;
				else
					connection->chunk_left = connection->chunk_left * 16 +
						digit_of(c);
				break;
			case CHUNK_EXTENSION:
				if (c == '\n')
				{
					connection->chunk_state = CHUNK_SIZE;
					i--;
				}
				break;
			case CHUNK_DATA:
				if (n - i < connection->chunk_left)
				{
					connection->chunk_left -= n - i;
					return false;
				}
				i += connection->chunk_left - 1;
				connection->chunk_left = 0;
				connection->chunk_state = CHUNK_SIZE;
				break;
			case CHUNK_TRAILER:
				if (c == '\n')
					return true;
				break;
		}
	}
	return false;
}

static void
finish_request(Connection *connection)
{
	const char *expected = connection->request->spec->expected;

	received += connection->received;
	if (strncmp(connection->response, "HTTP/1.1 20", 11) == 0 &&
		(expected == NULL || strstr(connection->response, expected) != NULL))
		succeeded++;
	else if (failed++ == 0)
		fprintf(stderr, "load: first failure:\n%s\n", connection->response);
	if (nlatencies % 65536 == 0)
		latencies = reallocate(latencies,
							   (nlatencies + 65536) * sizeof(double));
	latencies[nlatencies++] = now() - connection->started;
}

/* The n bytes at the end of what has come, of which some may be the head */
static bool
take_chunks(Connection *connection, const char *bytes, size_t n)
{
	size_t		skip = n - (connection->received - connection->chunk_seen);

	connection->chunk_seen = connection->received;
	return skip_chunks(connection, bytes + skip, n - skip);
}

/* True when the response is there. */
static bool
receive_more(Connection *connection)
{
	static char rest[65536];

	for (;;)
	{
		size_t		kept = connection->received < RESPONSE_KEPT ?
			RESPONSE_KEPT - connection->received : 0;
		char	   *where = kept > 0 ?
			connection->response + connection->received : rest;
		ssize_t		n = recv(connection->fd, where,
							 kept > 0 ? kept : sizeof rest, 0);

		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			die(n < 0 ? "recv" : "the server closed a connection");
		connection->received += n;
		if (kept > 0)
			where[n] = '\0';
		if (connection->expected == 0 && !connection->chunked)
			find_expected(connection);
		if (connection->chunked && take_chunks(connection, where, n))
			return true;
		if (connection->expected > 0 &&
			connection->received >= connection->expected)
			return true;
	}
}

static bool
go_on(double end)
{
	return (options.requests == 0 || started < options.requests) &&
		(options.seconds == 0 || now() < end);
}

/* True when the connection has done its last request. */
static bool
handle(Connection *connection, double end)
{
	if (!connection->busy)
		return false;
	send_more(connection);
	while (receive_more(connection))
	{
		finish_request(connection);
		if (!go_on(end))
		{
			connection->busy = false;
			return true;
		}
		start_request(connection);
	}
	return false;
}

static double
run(void)
{
	Connection *connections = calloc(options.nconnections, sizeof(Connection));
	int			epoll = epoll_create1(0);
	int			busy = 0;
	double		begin;
	double		end;

	if (connections == NULL || epoll < 0)
		die("start");
	for (int i = 0; i < options.nconnections; i++)
	{
		struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};

		connections[i].requests = reallocate(NULL,
											 options.nspecs * sizeof(Request));
		for (int j = 0; j < options.nspecs; j++)
			request_make(&connections[i].requests[j], &options.specs[j]);
		open_connection(&connections[i]);
		event.data.ptr = &connections[i];
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) < 0)
			die("epoll_ctl");
	}
	begin = now();
	end = begin + options.seconds;
	for (int i = 0; i < options.nconnections && go_on(end); i++, busy++)
		start_request(&connections[i]);
	while (busy > 0)
	{
		struct epoll_event events[64];
		int			n = epoll_wait(epoll, events, 64, 60000);

		if (n <= 0)
			die("no answer in 60 seconds");
		for (int i = 0; i < n; i++)
			busy -= handle(events[i].data.ptr, end);
	}
	return now() - begin;
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
percentile(double fraction)
{
	return nlatencies == 0 ? 0 :
		latencies[(size_t) ((nlatencies - 1) * fraction)] * 1e6;
}

static void
allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		(void) setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static RequestSpec *
add_spec(RequestKind kind, const char *path, const char *expected)
{
	RequestSpec *spec = &options.specs[options.nspecs];

	if (options.nspecs == MAX_SPECS)
	{
		errno = E2BIG;
		die("mix");
	}
	options.nspecs++;
	spec->kind = kind;
	spec->path = path;
	spec->headers = "";
	spec->root = "Bench";
	spec->expected = expected;
	return spec;
}

static void
add_write(RequestKind kind, const char *values, const char *base)
{
	RequestSpec *spec = kind == REQUEST_WRITE ?
		add_spec(kind, "/", "returnCode=\"200\"") :
		add_spec(kind, "/write?db=bench&precision=u", NULL);

	spec->nvalues = atoi(values);
	spec->base = atol(base);
}

static void
add_mix(int argc, char **argv)
{
	add_write(REQUEST_WRITE, "1", argv[1]);
	add_write(REQUEST_WRITE, "100", argv[1]);
	add_spec(REQUEST_GET, argv[2], NULL);
	for (int i = 3; i < argc; i++)
		add_spec(REQUEST_POST, "/", "<response")->file = argv[i];
}

static bool
read_what(int argc, char **argv)
{
	const char *what = argc > 0 ? argv[0] : "";

	if (strcmp(what, "write") == 0 && argc >= 3 && argc <= 5)
	{
		add_write(REQUEST_WRITE, argv[1], argv[2]);
		if (argc >= 4)
			options.specs[0].root = argv[3];
		if (argc == 5)
			options.specs[0].nroots = atoi(argv[4]);
	}
	else if (strcmp(what, "lines") == 0 && argc == 3)
		add_write(REQUEST_LINES, argv[1], argv[2]);
	else if (strcmp(what, "post") == 0 && argc == 2)
		add_spec(REQUEST_POST, "/", "returnCode=\"200\"")->file = argv[1];
	else if ((strcmp(what, "wait") == 0 || strcmp(what, "call") == 0) &&
			 argc == 3)
	{
		add_spec(REQUEST_POST, argv[2], "returnCode=\"200\"")->file = argv[1];
		if (what[0] == 'w')
			options.specs[0].headers = "Prefer: wait=55\r\n";
	}
	else if (strcmp(what, "get") == 0 && (argc == 2 || argc == 3))
		add_spec(REQUEST_GET, argv[1], argv[2]);
	else if (strcmp(what, "mix") == 0 && argc >= 4)
		add_mix(argc, argv);
	else
		return false;
	return true;
}

static void
show(void)
{
	Request		request;

	request_body(&request, &options.specs[0]);
	request_change(&request, 0);
	fwrite(request.bytes, 1, request.length, stdout);
}

int
main(int argc, char **argv)
{
	bool		only_show = argc > 1 && strcmp(argv[1], "show") == 0;
	int			first = only_show ? 2 : 5;
	double		elapsed;

	if (argc < first || !read_what(argc - first, argv + first))
	{
		fprintf(stderr, "load: see the beginning of load.c for its arguments\n");
		return 2;
	}
	if (only_show)
	{
		show();
		return 0;
	}
	options.port = atoi(argv[1]);
	options.nconnections = atoi(argv[2]);
	options.seconds = atof(argv[3]);
	options.requests = atol(argv[4]);

	allow_files();
	elapsed = run();
	qsort(latencies, nlatencies, sizeof(double), compare);
	printf("%ld %ld %.3f %.0f %.0f %.3f\n", succeeded, failed, elapsed,
		   percentile(0.5), percentile(0.99), received / 1e6);
	return failed > 0;
}
