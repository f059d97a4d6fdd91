/*
 * socket.c
 *		WebSocket load for bench/run.sh: a small client of RFC 6455 over epoll.
 *
 * usage: socket PORT SECONDS write WINDOW BASE
 *        socket PORT SECONDS push SOCKETS RATE BASE [all]
 *
 * "write" sends envelopes of one value over one WebSocket, up to WINDOW of them
 * without waiting for answers.  Output: writes answered well, others, seconds,
 * median and 99th percentile from sending to answer in microseconds.
 *
 * "push" opens SOCKETS WebSockets, each with an event subscription to an
 * InfoItem of its own (all: to the same one) whose callback is the WebSocket,
 * and writes RATE values a second over one more, each to the next InfoItem.
 * Output: frames that came, frames that did not or not in order, median and 99th
 * percentile of the microseconds from sending the write to the frame, and the
 * same from the answer to the write, which is as soon as a client can know of
 * the commit; less than 0: the frame was faster.
 *
 * Values are numbers that count, so each frame tells which write it is of.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FIRST_NUMBER	1000000
#define MAX_FRAME		65536
#define PATIENCE		10.0	/* seconds without anything */

enum
{
	TEXT = 1,
	BINARY = 2,
	CLOSE = 8,
	PING = 9,
	PONG = 10
};

typedef struct Socket
{
	int			fd;
	long		last_number;
	size_t		have;
	unsigned char buffer[MAX_FRAME + 16];
} Socket;

static int	port;
static double seconds;
static long base;
static long nsent;
static long nanswered;
static long nwrong;
static double *sent_at;			/* by number of the write */
static double *answered_at;
static double *delays;
static double *delays_known;	/* since the answer */
static double *frame_at;
static long *frame_of;
static long ndelays;
static long max_writes;
static long max_frames;

static void
die(const char *what)
{
	fprintf(stderr, "socket: %s: %s\n", what, errno ? strerror(errno) : "");
	exit(1);
}

static void *
allocate(size_t n, size_t size)
{
	void	   *result = calloc(n + 1, size);

	if (result == NULL)
		die("memory");
	return result;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void
send_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0)
	{
		ssize_t		done = send(fd, at, n, MSG_NOSIGNAL);

		if (done < 0)
			die("send");
		at += done;
		n -= done;
	}
}

/* A whole message in one masked frame */
static void
send_frame(int fd, int opcode, const char *text, size_t n)
{
	static unsigned char frame[MAX_FRAME];
	static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
	size_t		at = 2;

	if (n > MAX_FRAME - 16)
		die("a message that is too long");
	frame[0] = 0x80 | opcode;
	if (n < 126)
		frame[1] = 0x80 | n;
	else
	{
		frame[1] = 0x80 | 126;
		frame[at++] = n >> 8;
		frame[at++] = n & 0xff;
	}
	memcpy(frame + at, mask, 4);
	at += 4;
	for (size_t i = 0; i < n; i++)
		frame[at + i] = text[i] ^ mask[i % 4];
	send_all(fd, frame, at + n);
}

static void
open_socket(Socket *s)
{
	static const char hello[] =
	"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET};
	char		answer[4096];
	size_t		n = 0;
	int			on = 1;

	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd < 0 ||
		connect(s->fd, (struct sockaddr *) &address, sizeof address) < 0)
		die("connect");
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	send_all(s->fd, hello, sizeof hello - 1);
	do
	{
		/* one byte at a time, so as to take nothing of the first frame */
		if (n == sizeof answer - 1 || recv(s->fd, answer + n, 1, 0) != 1)
			die("handshake");
		answer[++n] = '\0';
	} while (strstr(answer, "\r\n\r\n") == NULL);
	if (strncmp(answer, "HTTP/1.1 101 ", 13) != 0 ||
		strstr(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL)
	{
		fprintf(stderr, "socket: no WebSocket here:\n%s", answer);
		exit(1);
	}
	s->have = 0;
	s->last_number = 0;
}

/* The bytes of the first whole frame in the buffer, 0: it is not there yet */
static size_t
find_frame(const Socket *s, size_t *head, size_t *length)
{
	const unsigned char *b = s->buffer;

	if (s->have < 2)
		return 0;
	*head = 2;
	*length = b[1] & 0x7f;
	if ((b[0] & 0x80) == 0 || (b[1] & 0x80) != 0 || *length == 127)
		die("a frame that a small message does not need");
	if (*length == 126)
	{
		if (s->have < 4)
			return 0;
		*head = 4;
		*length = b[2] << 8 | b[3];
	}
	return s->have >= *head + *length ? *head + *length : 0;
}

/*
 * Take the next message into text, which is NUL-terminated; false: none is
 * there, and if the socket blocks that cannot be.
 */
static bool
take_message(Socket *s, char *text)
{
	for (;;)
	{
		size_t		head;
		size_t		length;
		size_t		whole = find_frame(s, &head, &length);
		int			opcode = s->buffer[0] & 0x0f;
		ssize_t		n;

		if (whole > 0)
		{
			memcpy(text, s->buffer + head, length);
			text[length] = '\0';
			s->have -= whole;
			memmove(s->buffer, s->buffer + whole, s->have);
			if (opcode == TEXT || opcode == BINARY)
				return true;
			errno = 0;
			if (opcode == PING)
				send_frame(s->fd, PONG, text, length);
			else if (opcode == CLOSE)
				die("the server closed a WebSocket");
			continue;
		}
		if (s->have == sizeof s->buffer)
			die("a frame that is too long");
		n = recv(s->fd, s->buffer + s->have, sizeof s->buffer - s->have, 0);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			die("recv");
		s->have += n;
	}
}

static void
subscribe(Socket *s, int item)
{
	static char text[MAX_FRAME + 16];
	int			n;

	n = sprintf(text,
				"<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/1.0/\""
				" version=\"1.0\" ttl=\"-1\"><read msgformat=\"odf\""
				" interval=\"-1\" callback=\"0\"><msg>"
				"<Objects xmlns=\"http://www.opengroup.org/xsd/odf/1.0/\">"
				"<Object><id>Bench</id><Object><id>o%02d</id>"
				"<InfoItem name=\"i%02d\"/></Object></Object></Objects>"
				"</msg></read></omiEnvelope>", item / 100, item % 100);
	send_frame(s->fd, TEXT, text, n);
	take_message(s, text);
	if (strstr(text, "returnCode=\"200\"") == NULL)
	{
		fprintf(stderr, "socket: no subscription: %s\n", text);
		exit(1);
	}
}

static void
write_value(Socket *s, int item)
{
	char		text[1024];
	char		stamp[64];
	long		serial = nsent++;
	time_t		second = base + serial / 1000000;
	struct tm	tm;
	int			n;

	gmtime_r(&second, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	n = sprintf(text,
				"<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/1.0/\""
				" version=\"1.0\" ttl=\"0\"><write msgformat=\"odf\"><msg>"
				"<Objects xmlns=\"http://www.opengroup.org/xsd/odf/1.0/\">"
				"<Object><id>Bench</id><Object><id>o%02d</id>"
				"<InfoItem name=\"i%02d\"><value dateTime=\"%s.%06ldZ\">%ld"
				"</value></InfoItem></Object></Object></Objects>"
				"</msg></write></omiEnvelope>", item / 100, item % 100, stamp,
				serial % 1000000, FIRST_NUMBER + serial);
	sent_at[serial] = now();
	send_frame(s->fd, TEXT, text, n);
}

static void
take_answers(Socket *s)
{
	static char text[MAX_FRAME + 16];

	while (take_message(s, text))
	{
		if (strstr(text, "returnCode=\"200\"") == NULL)
		{
			if (nwrong++ == 0)
				fprintf(stderr, "socket: first failure: %s\n", text);
		}
		if (nanswered < max_writes)
			answered_at[nanswered++] = now();
	}
}

/* A frame may hold several values. */
static void
take_events(Socket *s)
{
	static char text[MAX_FRAME + 16];

	while (take_message(s, text))
	{
		double		at = now();

		for (char *end = text; (end = strstr(end, "</value>")) != NULL; end++)
		{
			char	   *begin = end;
			long		number;

			while (begin > text && begin[-1] != '>')
				begin--;
			number = atol(begin) - FIRST_NUMBER;
			if (number < 0 || number >= nsent || number < s->last_number)
			{
				nwrong++;
				continue;
			}
			s->last_number = number;
			if (ndelays < max_frames)
			{
				frame_at[ndelays] = at;
				frame_of[ndelays++] = number;
			}
			else
				nwrong++;
		}
	}
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
percentile(const double *sorted, long n, double fraction)
{
	return n == 0 ? 0 : sorted[(size_t) ((n - 1) * fraction)] * 1e6;
}

static void
watch(int epoll, int fd, void *data)
{
	struct epoll_event event = {.events = EPOLLIN};

	event.data.ptr = data;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
}

static int
run_write(int window)
{
	Socket	   *s = allocate(1, sizeof(Socket));
	static char text[MAX_FRAME + 16];
	double		begin;
	double		elapsed;

	open_socket(s);
	begin = now();
	while (nanswered < nsent || now() < begin + seconds)
	{
		while (nsent < nanswered + window && nsent < max_writes &&
			   now() < begin + seconds)
			write_value(s, nsent % 10000);
		if (nanswered == nsent)
			break;
		take_message(s, text);
		if (strstr(text, "returnCode=\"200\"") == NULL && nwrong++ == 0)
			fprintf(stderr, "socket: first failure: %s\n", text);
		delays[nanswered] = now() - sent_at[nanswered];
		nanswered++;
	}
	elapsed = now() - begin;
	qsort(delays, nanswered, sizeof(double), compare);
	printf("%ld %ld %.3f %.0f %.0f\n", nanswered - nwrong, nwrong, elapsed,
		   percentile(delays, nanswered, 0.5), percentile(delays, nanswered, 0.99));
	return nwrong > 0;
}

static int
start_clock(int rate)
{
	struct itimerspec beat = {.it_value = {0}};
	int			fd = timerfd_create(CLOCK_MONOTONIC, 0);

	beat.it_interval.tv_sec = rate == 1;
	beat.it_interval.tv_nsec = rate == 1 ? 0 : 1000000000 / rate;
	beat.it_value = beat.it_interval;
	if (fd < 0 || timerfd_settime(fd, 0, &beat, NULL) < 0)
		die("timerfd");
	return fd;
}

static int
run_push(int nsockets, int rate, bool all)
{
	Socket	   *sockets = allocate(nsockets + 1, sizeof(Socket));
	Socket	   *writer = &sockets[nsockets];
	int			epoll = epoll_create1(0);
	long		writes = max_writes;
	long		frames = max_frames;
	int			clock;

	for (int i = 0; i < nsockets; i++)
	{
		open_socket(&sockets[i]);
		subscribe(&sockets[i], all ? 0 : i);
		watch(epoll, sockets[i].fd, &sockets[i]);
	}
	open_socket(writer);
	watch(epoll, writer->fd, writer);
	clock = start_clock(rate);
	watch(epoll, clock, NULL);
	while (ndelays + nwrong < frames || nanswered < writes)
	{
		struct epoll_event events[64];
		int			n = epoll_wait(epoll, events, 64, PATIENCE * 1000);

		/* the clock ticks on: what is missing is missing */
		if (n <= 0 || (nsent == writes && now() > sent_at[nsent - 1] + PATIENCE))
			break;
		for (int i = 0; i < n; i++)
		{
			Socket	   *s = events[i].data.ptr;
			uint64_t	ticks = 0;

			if (s == writer)
				take_answers(s);
			else if (s != NULL)
				take_events(s);
			else if (read(clock, &ticks, sizeof ticks) == sizeof ticks)
				for (; ticks > 0 && nsent < writes; ticks--)
					write_value(writer, all ? 0 : nsent % nsockets);
		}
	}
	for (long i = 0; i < ndelays; i++)
	{
		delays[i] = frame_at[i] - sent_at[frame_of[i]];
		delays_known[i] = frame_at[i] - answered_at[frame_of[i]];
	}
	qsort(delays, ndelays, sizeof(double), compare);
	qsort(delays_known, ndelays, sizeof(double), compare);
	printf("%ld %ld %.0f %.0f %.0f %.0f\n", ndelays, frames - ndelays + nwrong,
		   percentile(delays, ndelays, 0.5), percentile(delays, ndelays, 0.99),
		   percentile(delays_known, ndelays, 0.5),
		   percentile(delays_known, ndelays, 0.99));
	return ndelays != frames || nwrong > 0;
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
	bool		write = argc == 6 && strcmp(argv[3], "write") == 0;
	bool		all = argc == 8 && strcmp(argv[7], "all") == 0;
	int			nsockets = 1;

	if (!write && !((argc == 7 || all) && strcmp(argv[3], "push") == 0))
	{
		fprintf(stderr, "socket: see the beginning of socket.c for its arguments\n");
		return 2;
	}
	port = atoi(argv[1]);
	seconds = atof(argv[2]);
	base = atol(argv[write ? 5 : 6]);
	max_writes = write ? seconds * 200000 : seconds * atoi(argv[5]);
	if (!write && all)
		nsockets = atoi(argv[4]);
	sent_at = allocate(max_writes, sizeof(double));
	answered_at = allocate(max_writes, sizeof(double));
	max_frames = max_writes * nsockets;
	delays = allocate(max_frames, sizeof(double));
	delays_known = allocate(max_frames, sizeof(double));
	frame_at = allocate(max_frames, sizeof(double));
	frame_of = allocate(max_frames, sizeof(long));
	allow_files();
	return write ? run_write(atoi(argv[4])) :
		run_push(atoi(argv[4]), atoi(argv[5]), all);
}
