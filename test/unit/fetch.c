/*
 * fetch.c
 *		The HTTP client from the command line, for tests: without a backend,
 *		and with sanitizers.
 *
 * fetch [-a allowed] [-m max_message_size] [-w window] [-n times] [-c ms]
 *		reads lines of "timeout_ms options url [body]" from standard input,
 *		where options are letters: f form, y any address, a authorization,
 *		p prefer; - none.  -n does all of them as often, -w as many at a time,
 *		-c cancels what takes longer.  WebSockets stay open until all are done.
 *		Prints for each, in the order in which
 *		they end: its line number, status, forbidden, milliseconds, length of
 *		the answer, error (which says if a connection ended that was used before),
 *		and the beginning of the answer, between tabs.
 */
#include "postgres.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/address.h"
#include "base/limits.h"
#include "base/server_settings.h"
#include "transport/client/http_client.h"

#include "shim.h"

#define MAX_LINES 10000

int			qlm_ping_interval = 20000;	/* the setting, which lines of WebSockets know */

typedef struct Fetch
{
	QlmTransfer transfer;
	int			line;
	double		started;
	struct Fetch *next;
} Fetch;

static const char *allowed_list = "127.0.0.0/8";
static const char *lines[MAX_LINES];
static int	nlines = 0;
static int	window = 1;
static int	times = 1;
static int	cancel_ms = 0;
static Fetch *under_way = NULL;

/* What a hash belongs to in a backend */
ResourceOwner CurrentResourceOwner = NULL;

ResourceOwner
ResourceOwnerCreate(ResourceOwner parent, const char *name)
{
	return NULL;
}

void
ResourceOwnerDelete(ResourceOwner owner)
{
}

static bool
is_allowed(const struct sockaddr *address, const char *host, bool of_peer)
{
	return qlm_address_list_matches(allowed_list, address, host);
}

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void
start(QlmHttpClient *client, int line)
{
	Fetch	   *fetch = palloc0(sizeof(Fetch));
	QlmTransfer *t = &fetch->transfer;
	char	   *copy = pstrdup(lines[line]);
	char	   *rest = copy;
	const char *options;

	fetch->line = line;
	fetch->started = now_ms();
	fetch->next = under_way;
	under_way = fetch;
	t->owner = copy;
	t->timeout_ms = atoi(strsep(&rest, " "));
	options = strsep(&rest, " ");
	t->url = strsep(&rest, " ");
	t->body = rest ? rest : "";
	t->body_len = strlen(t->body);
	t->form = strchr(options, 'f') != NULL;
	t->any_address = strchr(options, 'y') != NULL;
	t->authorization = strchr(options, 'a') ? "Bearer secret" : NULL;
	t->prefer_wait = strchr(options, 'p') ? 30 : 0;
	qlm_http_client_start(client, t);
}

static void
drop(Fetch *fetch)
{
	Fetch	  **link = &under_way;

	while (*link != fetch)
		link = &(*link)->next;
	*link = fetch->next;
	pfree(fetch->transfer.answer.data);
	pfree(fetch->transfer.owner);
	pfree(fetch);
}

static void
print_result(Fetch *fetch)
{
	QlmTransfer *t = &fetch->transfer;

	if (times > 1 && t->status == 200)
		return;
	for (int i = 0; i < t->answer.len; i++)
	{
		if (t->answer.data[i] == '\n' || t->answer.data[i] == '\t')
			t->answer.data[i] = ' ';
	}
	printf("%d\t%d\t%d\t%.0f\t%d\t%s%s\t%.1000s\n", fetch->line, t->status,
		   t->forbidden, now_ms() - fetch->started, t->answer.len,
		   t->stale ? "used before: " : "", t->error,
		   t->answer.data);
	fflush(stdout);
}

static void
cancel_late(QlmHttpClient *client)
{
	Fetch	   *next;

	for (Fetch *fetch = under_way; fetch && cancel_ms > 0; fetch = next)
	{
		next = fetch->next;
		if (now_ms() - fetch->started < cancel_ms)
			continue;
		qlm_http_client_cancel(client, &fetch->transfer);
		printf("%d\tcancelled\n", fetch->line);
		drop(fetch);
	}
}

/* One turn of a loop like a worker's; returns how many are finished. */
static void
turn(QlmHttpClient *client)
{
	struct pollfd fd = {qlm_http_client_fd(client), POLLIN};
	int64		due = qlm_http_client_due(client);
	QlmTransfer *t;

	if (cancel_ms > 0)
		due = due < 0 ? cancel_ms : Min(due, cancel_ms);
	poll(&fd, 1, (int) due);
	qlm_http_client_run(client);
	while ((t = qlm_http_client_next(client)) != NULL)
	{
		Fetch	   *fetch = (Fetch *) t;

		print_result(fetch);
		drop(fetch);
	}
	cancel_late(client);
}

static long
resident_kb(void)
{
	FILE	   *file = fopen("/proc/self/statm", "r");
	long		pages = 0;

	if (file && fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
fetch_all(QlmHttpClient *client)
{
	int64		total = (int64) nlines * times;
	int64		started = 0;
	int			turns = 0;
	double		begin = now_ms();

	while (started < total || qlm_http_client_running(client) > 0)
	{
		while (started < total && qlm_http_client_running(client) < window)
			start(client, started++ % nlines);
		turn(client);
		turns++;
		if (times > 1 && started == total / 10)
			fprintf(stderr, "after a tenth: %ld kB\n", resident_kb());
	}
	if (times > 1)
		fprintf(stderr, "at the end: %ld kB, %.0f transfers/s, %d turns\n",
				resident_kb(), total / (now_ms() - begin) * 1e3, turns);
}

int
main(int argc, char **argv)
{
	static char buf[65536];
	QlmHttpClient *client;
	int			option;

	while ((option = getopt(argc, argv, "a:m:w:n:c:")) != -1)
	{
		switch (option)
		{
			case 'a':
				allowed_list = optarg;
				break;
			case 'm':
				qlm_max_message_size = atoi(optarg);
				break;
			case 'w':
				window = atoi(optarg);
				break;
			case 'n':
				times = atoi(optarg);
				break;
			case 'c':
				cancel_ms = atoi(optarg);
				break;
			default:
				return 2;
		}
	}
	signal(SIGPIPE, SIG_IGN);
	while (nlines < MAX_LINES && fgets(buf, sizeof(buf), stdin))
	{
		buf[strcspn(buf, "\n")] = '\0';
		lines[nlines++] = pstrdup(buf);
	}
	client = qlm_http_client_create(is_allowed);
	fetch_all(client);
	return 0;
}
