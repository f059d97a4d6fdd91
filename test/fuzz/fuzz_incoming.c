/*
 * fuzz_incoming.c
 *		Any bytes as a request: a byte of flags, lines of headers up to an
 *		empty one, and the body, which arrives whole and in pieces.  Both must
 *		become the same message, and so must the body compressed.  What was
 *		found lies within the body, and a setting that is lowered meanwhile
 *		does no harm.
 */
#include "postgres.h"

#include "base/limits.h"
#include "base/server_settings.h"
#include "service/forward/remote_subscription.h"
#include "transport/http/incoming.h"
#include "utils/timestamp.h"

#include "check.h"
#include "shim.h"

#define LIMIT		4096
#define LOWERED		1024

#define COMPRESSED	0x40		/* flags; the others are the size of a piece */
#define LOWER		0x80

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

/* Settings and the clock of the server */
char	   *qlm_cors_origins = "https://a.example, http://*.b.example:80";
char	   *qlm_host_names = "plant.example";
char	   *qlm_listen_addresses = "*, device";
char	   *qlm_url = "https://public.example/qlm";
bool		qlm_compression = true;

TimestampTz
GetCurrentTimestamp(void)
{
	return 0;
}

/* What became of a request */
typedef struct Outcome
{
	int			status;			/* of its refusal */
	char	   *body;
	Size		len;
} Outcome;

/* Of the exact size, so that reading beyond it is noticed */
static char *
copy_text(const char *data, size_t len)
{
	char	   *copy = palloc(len + 1);

	memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

/* The lines "Name: value"; one that begins with '/' is the URL. */
static const char *
read_head(const char *p, const char *end, QlmIncoming *incoming, QlmIncomingHead *head)
{
	while (p < end)
	{
		const char *line_end = memchr(p, '\n', end - p);
		char	   *line;
		char	   *colon;

		if (line_end == NULL)
			line_end = end;
		line = copy_text(p, line_end - p);
		p = Min(line_end + 1, end);
		if (line[0] == '\0')
			break;
		if ((colon = strstr(line, ": ")))
		{
			*colon = '\0';
			qlm_incoming_header(head, line, colon - line, colon + 2, strlen(colon + 2));
		}
		else if (line[0] == '/')
		{
			qlm_incoming_url(incoming, line);
			line[strcspn(line, "?")] = '\0';
			head->path = line;
		}
		else
			head->peer_name = line;
	}
	return p;
}

static void
check_request(const QlmHttpRequest *request, const QlmIncoming *incoming)
{
	check(request->path && (!request->charset || request->charset[0]), "a text is missing");
	check(request->body_len <= LIMIT, "a message is too large");
	check(request->body_len == 0 ||
		  (request->body >= incoming->body.data &&
		   request->body + request->body_len <= incoming->body.data + incoming->body.size),
		  "the message is not in the body");
}

static void
add_pieces(QlmIncoming *incoming, const char *body, Size len, Size piece, bool lower)
{
	for (Size i = 0; i < len; i += piece)
	{
		Size		n = Min(piece, len - i);
		char	   *copy = palloc(n);

		if (lower && i > 0)
			qlm_max_message_size = LOWERED;
		memcpy(copy, body + i, n);
		if (!qlm_incoming_add(incoming, copy, n))
		{
			check(incoming->refusal.status != 0, "it is cut and not refused");
			break;
		}
		pfree(copy);
	}
}

static Outcome
take(const char *data, Size size, Size piece, bool compress, bool lower)
{
	QlmBodyBudget	budget = {0};
	QlmIncoming incoming = {.context = CurrentMemoryContext, .budget = &budget};
	QlmIncomingHead head = {.method = "POST", .version = "HTTP/1.1", .path = copy_text("/", 1)};
	Outcome		outcome = {0};
	Size		gzip_len = 0;
	const char *body = read_head(data, data + size, &incoming, &head);
	Size		len = data + size - body;
	char	   *gzip = compress ? qlm_gzip(body, len, LIMIT, &gzip_len) : NULL;
	QlmRefusal	refusal;

	if (gzip)
		head.coding = QLM_CODING_GZIP;
	qlm_max_message_size = LIMIT;
	refusal = qlm_incoming_begin(&incoming, &head);
	if (refusal.status == 0)
	{
		add_pieces(&incoming, gzip ? gzip : body, gzip ? gzip_len : len, piece, lower);
		refusal = qlm_incoming_finish(&incoming);
	}
	outcome.status = refusal.status;
	if (refusal.status == 0)
	{
		check_request(&incoming.request, &incoming);
		outcome.len = incoming.request.body_len;
		outcome.body = copy_text(incoming.request.body, outcome.len);
		check(qlm_incoming_keep_answer(&incoming, "answer", 6) != NULL, "no answer is kept");
	}
	qlm_incoming_free(&incoming);
	check(budget.used == 0, "the budget is not given back");
	free(gzip);
	return outcome;
}

static void
check_same(const Outcome *a, const Outcome *b)
{
	check(a->status == b->status, "the same request is refused for another reason");
	check(a->len == b->len && (a->len == 0 || memcmp(a->body, b->body, a->len) == 0),
		  "the same request has another message");
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Size		piece;
	Outcome		whole;
	Outcome		pieces;

	if (size < 1)
		return 0;
	piece = (data[0] & (COMPRESSED - 1)) + 1;
	whole = take((const char *) data + 1, size - 1, size, data[0] & COMPRESSED, false);
	pieces = take((const char *) data + 1, size - 1, piece, data[0] & COMPRESSED, false);
	check_same(&whole, &pieces);
	if (data[0] & LOWER)
		take((const char *) data + 1, size - 1, piece, data[0] & COMPRESSED, true);
	shim_reset();
	return 0;
}
