/*
 * load.c
 *		Load generator for bench/run.sh: posts to a node on loopback over
 *		keep-alive connections, checks each answer, prints one line.
 *
 * usage: load PORT CONNECTIONS SECONDS REQUESTS write VALUES BASE
 *        load PORT CONNECTIONS SECONDS REQUESTS post FILE
 *        load PORT CONNECTIONS SECONDS REQUESTS wait FILE PATH
 *
 * It ends after SECONDS or REQUESTS, whichever comes first (0: no bound).
 * "write" sends VALUES (1, 100 or 10000) numbers an envelope to InfoItems
 * Bench/o00/i00 to Bench/o99/i99; each request has a time of its own,
 * microseconds after BASE (seconds since 1970).  "post" sends a file as it is;
 * "wait" posts it to a path and asks the node to hold it for up to 55 seconds.
 *
 * Output: requests answered well, requests failed, seconds, and the median
 * and 99th percentile of the latency in microseconds.
 *
 * One thread and epoll, so that it takes as little of the machine from the
 * server as it can: bodies are made once and only digits in them change.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
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

#define OBJECTS			100
#define ITEMS			100
#define STAMP_LENGTH	27		/* 2024-05-01T10:00:00.000000Z */
#define RESPONSE_KEPT	4096	/* of a response, enough for its head */

/* A request as bytes, and where in it what changes stands. */
typedef struct Request
{
	char	   *bytes;
	size_t		size;
	size_t		length;
	size_t	   *stamps;
	size_t	   *numbers;
	int			nvalues;
	size_t		object;			/* 0: every Object is in it */
	size_t		item;			/* 0: every InfoItem is in it */
} Request;

typedef struct Connection
{
	int			fd;
	bool		busy;			/* a request is under way */
	Request		request;
	size_t		sent;
	char		response[RESPONSE_KEPT + 1];
	size_t		received;
	size_t		expected;		/* head and body; 0: not known yet */
	double		started;
} Connection;

static struct
{
	int			port;
	int			nconnections;
	double		seconds;
	long		requests;
	int			nvalues;		/* 0: post a file */
	long		base;
	const char *file;
	const char *path;
	const char *headers;
} options = {.path = "/", .headers = ""};

static long started;
static long succeeded;
static long failed;
static double *latencies;
static size_t nlatencies;
static unsigned int seed = 1;

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *
reallocate(void *old, size_t size)
{
	void	   *new = realloc(old, size);

	if (new == NULL)
		die("memory");
	return new;
}

static void append(Request *request, const char *format,...)
__attribute__((format(printf, 2, 3)));

static void
append(Request *request, const char *format,...)
{
	va_list		args;

	if (request->size - request->length < 1024)
	{
		request->size = request->size * 2 + 4096;
		request->bytes = reallocate(request->bytes, request->size);
	}
	va_start(args, format);
	request->length += vsprintf(request->bytes + request->length, format, args);
	va_end(args);
}

static void
append_item(Request *request, int item)
{
	int			i = request->nvalues++;

	append(request, "<InfoItem name=\"i");
	if (options.nvalues == 1)
		request->item = request->length;
	append(request, "%02d\"><value dateTime=\"", item);
	request->stamps[i] = request->length;
	append(request, "%*s\">", STAMP_LENGTH, "");
	request->numbers[i] = request->length;
	append(request, "20.001</value></InfoItem>");
}

static void
append_envelope(Request *request)
{
	int			nobjects = options.nvalues > ITEMS ? OBJECTS : 1;
	int			nitems = options.nvalues > 1 ? ITEMS : 1;

	request->stamps = reallocate(NULL, options.nvalues * sizeof(size_t));
	request->numbers = reallocate(NULL, options.nvalues * sizeof(size_t));
	append(request,
		   "<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/1.0/\""
		   " version=\"1.0\" ttl=\"0\"><write msgformat=\"odf\"><msg>"
		   "<Objects xmlns=\"http://www.opengroup.org/xsd/odf/1.0/\">"
		   "<Object><id>Bench</id>");
	for (int i = 0; i < nobjects; i++)
	{
		append(request, "<Object><id>o");
		if (nobjects == 1)
			request->object = request->length;
		append(request, "%02d</id>", i);
		for (int j = 0; j < nitems; j++)
			append_item(request, j);
		append(request, "</Object>");
	}
	append(request, "</Object></Objects></msg></write></omiEnvelope>");
}

static void
append_file(Request *request)
{
	FILE	   *file = fopen(options.file, "r");
	char		line[512];

	if (file == NULL)
		die(options.file);
	while (fgets(line, sizeof line, file) != NULL)
		append(request, "%s", line);
	fclose(file);
}

/* Make the body, then put the head, whose length depends on it, before it. */
static void
make_request(Request *request)
{
	Request		body = {0};
	char		head[256];
	int			n;

	if (options.nvalues > 0)
		append_envelope(&body);
	else
		append_file(&body);
	n = sprintf(head,
				"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
				"%sContent-Length: %zu\r\n\r\n", options.path, options.headers,
				body.length);
	*request = body;
	request->bytes = reallocate(NULL, body.length + n);
	memcpy(request->bytes, head, n);
	memcpy(request->bytes + n, body.bytes, body.length);
	free(body.bytes);
	request->length = body.length + n;
	for (int i = 0; i < request->nvalues; i++)
	{
		request->stamps[i] += n;
		request->numbers[i] += n;
	}
	if (request->object > 0)
		request->object += n;
	if (request->item > 0)
		request->item += n;
}

static void
put_two_digits(char *where, int n)
{
	where[0] = '0' + n / 10;
	where[1] = '0' + n % 10;
}

/* A new time, new numbers, another Object and InfoItem. */
static void
change_request(Request *request, long serial)
{
	char		stamp[STAMP_LENGTH + 64];
	time_t		second = options.base + serial / 1000000;
	struct tm	tm;
	int			slot = options.nvalues == 1 ? serial % (OBJECTS * ITEMS) : 0;

	if (request->nvalues == 0)
		return;
	gmtime_r(&second, &tm);
	sprintf(stamp, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			serial % 1000000);
	for (int i = 0; i < request->nvalues; i++)
	{
		char	   *number = request->bytes + request->numbers[i];

		memcpy(request->bytes + request->stamps[i], stamp, STAMP_LENGTH);
		seed = seed * 1664525 + 1013904223;
		number[1] = '0' + (seed >> 8) % 10;
		put_two_digits(number + 3, (seed >> 16) % 100);
		number[5] = '1' + (seed >> 24) % 9;
	}
	if (request->object > 0)
		put_two_digits(request->bytes + request->object,
					   options.nvalues == 1 ? slot / ITEMS : serial % OBJECTS);
	if (request->item > 0)
		put_two_digits(request->bytes + request->item, slot % ITEMS);
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
	while (connection->sent < connection->request.length)
	{
		ssize_t		n = send(connection->fd,
							 connection->request.bytes + connection->sent,
							 connection->request.length - connection->sent,
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
	change_request(&connection->request, started++);
	connection->sent = 0;
	connection->received = 0;
	connection->expected = 0;
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

	if (end == NULL)
		return;
	length = strcasestr(connection->response, "\r\nContent-Length:");
	if (length == NULL || length > end)
	{
		fprintf(stderr, "load: a response without length\n");
		exit(1);
	}
	connection->expected = end + 4 - connection->response +
		strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static void
finish_request(Connection *connection)
{
	if (strncmp(connection->response, "HTTP/1.1 200 ", 13) == 0 &&
		strstr(connection->response, "returnCode=\"200\"") != NULL)
		succeeded++;
	else if (failed++ == 0)
		fprintf(stderr, "load: first failure:\n%s\n", connection->response);
	if (nlatencies % 65536 == 0)
		latencies = reallocate(latencies,
							   (nlatencies + 65536) * sizeof(double));
	latencies[nlatencies++] = now() - connection->started;
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
		if (connection->expected == 0)
			find_expected(connection);
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

		make_request(&connections[i].request);
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

int
main(int argc, char **argv)
{
	double		elapsed;

	if (argc == 8 && strcmp(argv[5], "write") == 0)
	{
		options.nvalues = atoi(argv[6]);
		options.base = atol(argv[7]);
	}
	else if (argc == 7 && strcmp(argv[5], "post") == 0)
		options.file = argv[6];
	else if (argc == 8 && strcmp(argv[5], "wait") == 0)
	{
		options.file = argv[6];
		options.path = argv[7];
		options.headers = "Prefer: wait=55\r\n";
	}
	else
	{
		fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS REQUESTS"
				" write VALUES BASE | post FILE | wait FILE PATH\n");
		return 2;
	}
	options.port = atoi(argv[1]);
	options.nconnections = atoi(argv[2]);
	options.seconds = atof(argv[3]);
	options.requests = atol(argv[4]);

	allow_files();
	elapsed = run();
	qsort(latencies, nlatencies, sizeof(double), compare);
	printf("%ld %ld %.3f %.0f %.0f\n", succeeded, failed, elapsed,
		   percentile(0.5), percentile(0.99));
	return failed > 0;
}
