/*
 * incoming.c
 *		A request that is being received.
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/excerpt.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/server_settings.h"
#include "transport/coding/form.h"
#include "transport/coding/multipart.h"
#include "transport/http/incoming.h"

#define MAX_DISCARDED	((uint64) 1024 * 1024 * 1024)	/* of a refused body */
#define FIRST_BUFFER	(256 * 1024)	/* at most, before any bytes were received */
#define HOST_LOG_USECS	(60 * USECS_PER_SEC)	/* between log lines about host names */
#define KEEP_BUFFER		(64 * 1024) /* a larger one is freed after use */

static const QlmRefusal accepted = {0, NULL};
static const QlmRefusal no_memory = {503, "No memory for the message now.\n", {NULL}, true};
static const QlmRefusal bad_framing = {400, "The length of the body is not clear.\n"};
static const QlmRefusal ambiguous = {400, "There are two Authorization or Origin headers: it is not clear who asks.\n"};
static const QlmRefusal bad_url = {400, "The URL is not well encoded.\n"};
static const QlmRefusal bad_compression = {400, "The body is not compressed as it says.\n"};
static const QlmRefusal unknown_coding = {415, "Bodies are read plain, as gzip and as deflate.\n",
{"Accept-Encoding", "gzip, deflate"}};
static const QlmRefusal bad_accept = {406, "Answers leave plain or as gzip.\n"};
static const QlmRefusal foreign_origin = {403, "Pages of this origin may not call here (qlm.cors_origins).\n"};
static const QlmRefusal foreign_host = {421, "This node is not called by this host name: call it by its address, or list the name in qlm.host_names.\n"};
static const QlmRefusal many_hosts = {400, "There is more than one Host.\n"};
static const char no_field[] = "The body is a form without the field msg, and begins with \"%s\": send the message as msg=..., encoded"
" as forms are, or as the body itself, with the Content-Type text/xml or application/json";
static const char no_part[] = "The body is a multipart form without a whole part of the name msg, or its parts are"
" not separated by the boundary that the Content-Type says";
static const char empty_field[] = "The field msg of the form is empty";
static const QlmRefusal too_much = {503, "Too many large messages arrive now.\n", {NULL}, true};

/* The text is valid until the next call. */
static QlmRefusal
too_large(void)
{
	static char reason[200];

	snprintf(reason, sizeof(reason), "The message is larger than qlm.max_message_size, which is %d bytes:"
			 " send it in parts, or have the setting raised.\n", qlm_max_message_size);
	return (QlmRefusal) {413, reason};
}

static bool
reserve(MemoryContext context, QlmBuffer *buffer, Size used, Size size)
{
	char	   *data;

	if (size <= buffer->size)
		return true;
	data = MemoryContextAllocExtended(context, size,
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	if (data == NULL)
		return false;
	if (used > 0)
		memcpy(data, buffer->data, used);
	if (buffer->data)
		pfree(buffer->data);
	buffer->data = data;
	buffer->size = size;
	return true;
}

static void
release(QlmBuffer *buffer)
{
	if (buffer->data)
		pfree(buffer->data);
	buffer->data = NULL;
	buffer->size = 0;
}

void
qlm_incoming_url(QlmIncoming *incoming, const char *url)
{
	const char *query = strchr(url, '?');
	Size		size;

	incoming->request.query = NULL;
	incoming->refusal = accepted;
	if (query == NULL)
		return;
	size = strlen(query + 1) + 1;
	if (!reserve(incoming->context, &incoming->query, 0, Max(size, 64)))
	{
		incoming->refusal = no_memory;
		return;
	}
	memcpy(incoming->query.data, query + 1, size);
	incoming->request.query = incoming->query.data;
}

/* Buffers that are kept between requests do not count. */
static Size
cost_of(const QlmBuffer *body)
{
	return body->size > KEEP_BUFFER ? body->size : 0;
}

static void
release_body(QlmIncoming *incoming)
{
	qlm_body_budget_change(incoming->budget, incoming->share,
					  cost_of(&incoming->body), 0);
	release(&incoming->body);
}

static bool
reserve_body(QlmIncoming *incoming, Size used, Size size)
{
	Size		before = cost_of(&incoming->body);
	bool		ok = reserve(incoming->context, &incoming->body, used, size);

	qlm_body_budget_change(incoming->budget, incoming->share, before,
					  cost_of(&incoming->body));
	return ok;
}

static Size
text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static char *
copy_text(char **to, const char *from)
{
	char	   *copy = *to;

	if (from == NULL)
		return NULL;
	memcpy(copy, from, strlen(from) + 1);
	*to += strlen(from) + 1;
	return copy;
}

static void
note_content_type(QlmIncoming *incoming)
{
	QlmHttpRequest *request = &incoming->request;

	request->charset = NULL;
	incoming->is_form = incoming->is_multipart = false;
	if (request->content_type == NULL)
		return;
	incoming->is_form = qlm_header_is_form(request->content_type);
	incoming->is_multipart = qlm_multipart_is_form(request->content_type);
	if (qlm_header_charset(request->content_type, incoming->charset,
						   sizeof(incoming->charset)))
		request->charset = incoming->charset;
}

/* Copies what is needed after the callback. */
static QlmRefusal
copy_head(QlmIncoming *incoming, const QlmIncomingHead *head)
{
	QlmHttpRequest *request = &incoming->request;
	Size		size = text_size(head->path) + text_size(head->peer_name) +
		text_size(head->authorization) + text_size(head->content_type) +
		text_size(head->accept) + text_size(head->if_none_match) +
		text_size(head->origin) + text_size(head->host) +
		text_size(head->forwarded.proto) + text_size(head->forwarded.host) +
		text_size(head->forwarded.prefix);
	char	   *path;
	char	   *peer_name;
	char	   *to;

	if (!reserve(incoming->context, &incoming->text, 0, Max(size, 256)))
		return no_memory;
	to = incoming->text.data;
	path = copy_text(&to, head->path);
	peer_name = copy_text(&to, head->peer_name);
	request->path = path;
	request->peer_name = peer_name;
	request->authorization = copy_text(&to, head->authorization);
	request->content_type = copy_text(&to, head->content_type);
	request->accept = copy_text(&to, head->accept);
	request->if_none_match = copy_text(&to, head->if_none_match);
	request->origin = copy_text(&to, head->origin);
	request->host = copy_text(&to, head->host);
	request->forwarded = (QlmForwarded) {NULL};
	if (request->is_proxied)
	{
		request->forwarded.proto = copy_text(&to, head->forwarded.proto);
		request->forwarded.host = copy_text(&to, head->forwarded.host);
		request->forwarded.prefix = copy_text(&to, head->forwarded.prefix);
	}
	note_content_type(incoming);
	if (!qlm_form_decode_path(path) || (peer_name && !qlm_form_decode(peer_name)))
		return bad_url;
	return accepted;
}

/*
 * Devices that use a wrong host name do not show why they are refused.  So it
 * is logged, once a minute, with only characters that names contain.
 */
static void
tell_of_host(const char *host)
{
	static TimestampTz told_at = 0;
	TimestampTz now = GetCurrentTimestamp();
	char		text[64];
	char	   *p;

	if (told_at != 0 && now >= told_at && now - told_at < HOST_LOG_USECS)
		return;
	told_at = now;
	strlcpy(text, host, sizeof(text));
	for (p = text; *p; p++)
		if (!isalnum((unsigned char) *p) && strchr(".-_:[]", *p) == NULL)
			*p = '?';
	ereport(LOG,
			(errmsg("qlm: a request for host \"%s\" got 421: the node is not called by this name", text),
			 errhint("If it is, list the name in qlm.host_names.")));
}

/*
 * Is the host name one of this node?  Browsers always send it.  /health is
 * answered under any name, as monitoring may use any.
 */
static QlmRefusal
judge_host(const QlmIncomingHead *head)
{
	const QlmHostNames names = {qlm_host_names, qlm_listen_addresses, qlm_url};

	if (head->hosts > 1)
		return many_hosts;
	if (head->host == NULL || strcmp(head->path, "/health") == 0)
		return accepted;
	if (qlm_host_is_ours(head->host, &names))
		return accepted;
	tell_of_host(head->host);
	return foreign_host;
}

/* May a page of this origin, or this client, send requests? */
static QlmRefusal
judge_caller(QlmIncoming *incoming, const QlmIncomingHead *head)
{
	bool		is_options = strcmp(head->method, "OPTIONS") == 0;
	QlmHttpMethod method = incoming->request.method;
	const QlmHostNames names = {qlm_host_names, qlm_listen_addresses, qlm_url};
	QlmOriginCaller caller = {
		.origin = head->origin, .host = head->host, .fetch_site = head->fetch_site,
		.fetch_mode = head->fetch_mode, .url = qlm_url,
		.only_looks = method == QLM_HTTP_GET || method == QLM_HTTP_HEAD
	};

	caller.forwarded = qlm_forwarded_host(&incoming->request.forwarded, &names,
										  &caller.forwarded_len);
	incoming->origin = qlm_origin_judge(qlm_cors_origins, &caller);
	incoming->origins_vary = qlm_origin_list_varies(qlm_cors_origins);
	incoming->accept = qlm_header_accept_encoding(head->accept_encoding);
	incoming->accept.gzip &= qlm_compression;
	if (incoming->origin == QLM_ORIGIN_FOREIGN && !is_options)
		return foreign_origin;
	if (!incoming->accept.identity && !incoming->accept.gzip && !is_options)
		return bad_accept;
	return accepted;
}

static QlmRefusal
begin_inflating(QlmIncoming *incoming, QlmCoding coding)
{
	if (coding == QLM_CODING_UNKNOWN)
		return unknown_coding;
	if (coding == QLM_CODING_NONE)
		return accepted;
	incoming->expected = 0;		/* it was the compressed length */
	incoming->inflater = qlm_inflater_create(incoming->context, coding);
	return incoming->inflater ? accepted : no_memory;
}

static void
end_inflating(QlmIncoming *incoming)
{
	if (incoming->inflater)
		qlm_inflater_free(incoming->inflater);
	incoming->inflater = NULL;
}

QlmRefusal
qlm_incoming_begin(QlmIncoming *incoming, const QlmIncomingHead *head)
{
	QlmRefusal	refusal;

	incoming->origin = QLM_ORIGIN_SAME;
	incoming->origins_vary = false;
	if (!qlm_incoming_is_framed(head))
		return bad_framing;
	if (incoming->refusal.status != 0)
		return incoming->refusal;

	incoming->request.method = qlm_http_method(head->method);
	incoming->request.body = "";
	incoming->request.body_len = 0;
	incoming->request.body_problem = NULL;
	incoming->request.prefer_wait = head->prefer_wait;
	incoming->request.held = NULL;
	incoming->request.delayed = NULL;
	incoming->request.has_waited = false;
	incoming->request.elsewhere = NULL;
	incoming->request.stays_here = false;
	incoming->expected = head->length;
	incoming->seen = 0;
	refusal = copy_head(incoming, head);
	if (refusal.status == 0 && head->is_ambiguous)
		refusal = ambiguous;
	if (refusal.status == 0)
		refusal = judge_host(head);
	if (refusal.status == 0)
		refusal = judge_caller(incoming, head);
	if (refusal.status == 0 && head->length > qlm_max_message_size)
		refusal = too_large();
	return refusal.status == 0 ? begin_inflating(incoming, head->coding) : refusal;
}

bool
qlm_incoming_reads_on(QlmIncoming *incoming, const QlmIncomingHead *head,
					  QlmRefusal refusal)
{
	if (!qlm_incoming_is_framed(head) || head->expects_continue ||
		(head->length == 0 && !head->is_chunked) || head->length > MAX_DISCARDED)
		return false;
	incoming->refusal = refusal;
	return true;
}

/*
 * Makes room for so many more bytes and a NUL, growing with what is received.
 */
static QlmRefusal
make_room(QlmIncoming *incoming, Size more)
{
	Size		used = incoming->request.body_len;
	Size		need = used + more + 1;
	Size		size = used == 0 ? FIRST_BUFFER : incoming->body.size * 4;

	if (need <= incoming->body.size)
		return accepted;
	size = Min(size, (Size) qlm_max_message_size + 1);
	if (incoming->expected > 0)
		size = Min(size, incoming->expected + 1);
	else if (used == 0)
		size = need * 2;
	size = Max(Max(size, need), 1024);
	if (size > KEEP_BUFFER &&
		!qlm_body_budget_has_room(incoming->budget, incoming->share,
							 cost_of(&incoming->body), size))
		return too_much;
	return reserve_body(incoming, used, size) ? accepted : no_memory;
}

static QlmRefusal
add_plain(QlmIncoming *incoming, const char *data, Size len)
{
	QlmRefusal	refusal = make_room(incoming, len);

	if (refusal.status == 0)
	{
		memcpy(incoming->body.data + incoming->request.body_len, data, len);
		incoming->request.body_len += len;
	}
	return refusal;
}

/*
 * Inflates at most one byte more than is allowed, so a compression bomb has no
 * effect.
 */
static QlmRefusal
add_compressed(QlmIncoming *incoming, const char *data, Size len)
{
	Size		limit = qlm_max_message_size;
	QlmHttpRequest *request = &incoming->request;
	QlmInflateResult result;

	/* The setting may have been lowered in the meantime. */
	if (request->body_len > limit)
		return too_large();
	do
	{
		QlmRefusal	refusal = make_room(incoming, request->body_len == 0 ? Min(len * 2, limit) : 1);
		char	   *start;
		char	   *out;
		Size		room;

		if (refusal.status != 0)
			return refusal;
		start = out = incoming->body.data + request->body_len;
		room = Min(incoming->body.size - 1, limit + 1) - request->body_len;
		result = qlm_inflater_run(incoming->inflater, &data, &len, &out, &room);
		request->body_len += out - start;
		if (result == QLM_INFLATE_BAD)
			return bad_compression;
		if (result == QLM_INFLATE_NO_MEMORY)
			return no_memory;
		if (request->body_len > limit)
			return too_large();
	} while (result == QLM_INFLATE_FULL || len > 0);
	return accepted;
}

bool
qlm_incoming_add(QlmIncoming *incoming, const char *data, Size len)
{
	uint64		limit = qlm_max_message_size;

	incoming->seen += len;
	if (incoming->refusal.status == 0 && incoming->seen > limit)
		incoming->refusal = too_large();
	if (incoming->refusal.status == 0)
		incoming->refusal = incoming->inflater ? add_compressed(incoming, data, len) :
			add_plain(incoming, data, len);
	if (incoming->refusal.status != 0)
	{
		/* Further bytes are dropped. */
		end_inflating(incoming);
		release_body(incoming);
		incoming->request.body_len = 0;
	}

	/* The refusal can be sent only after the whole body. */
	return incoming->seen <= Max(2 * limit, MAX_DISCARDED);
}

/* Replaces the body by the field msg of the form. */
static void
find_message(QlmIncoming *incoming)
{
	QlmHttpRequest *request = &incoming->request;
	char	   *body = incoming->body.data;

	if (incoming->is_multipart)
	{
		request->body = qlm_multipart_message(body, request->body_len,
											  request->content_type, &request->body_len,
											  incoming->charset, sizeof(incoming->charset));
		request->charset = request->body && incoming->charset[0] ? incoming->charset : NULL;
	}
	else
	{
		char		beginning[QLM_BEGINNING_SIZE];

		snprintf(incoming->problem, sizeof(incoming->problem), no_field,
				 qlm_excerpt_beginning(body, request->body_len, beginning));
		request->body = qlm_form_message(body, request->body_len, &request->body_len);
	}
	if (request->body == NULL)
	{
		request->body_problem = incoming->is_multipart ? no_part : incoming->problem;
		request->body = "";
		request->body_len = 0;
	}
	else if (request->body_len == 0)
		request->body_problem = empty_field;
}

/*
 * Clients that post a plain envelope often keep the content type for forms
 * that their library sets.
 */
static bool
is_bare_message(const char *body)
{
	body += strspn(body, " \t\r\n");
	return *body == '<' || *body == '{' || *body == '[' ||
		strncmp(body, "\xEF\xBB\xBF", 3) == 0 ||
		strncmp(body, "\xFF\xFE", 2) == 0 || strncmp(body, "\xFE\xFF", 2) == 0;
}

QlmRefusal
qlm_incoming_finish(QlmIncoming *incoming)
{
	QlmHttpRequest *request = &incoming->request;
	char	   *p = incoming->body.data;
	bool		is_cut = incoming->inflater && incoming->seen > 0 &&
		!qlm_inflater_is_complete(incoming->inflater);

	end_inflating(incoming);
	request->received_at = GetCurrentTimestamp();
	if (incoming->refusal.status == 0 && is_cut)
		incoming->refusal = bad_compression;
	if (incoming->refusal.status != 0 || request->body_len == 0)
		return incoming->refusal;
	p[request->body_len] = '\0';
	request->body = p;

	if ((incoming->is_form || incoming->is_multipart) && !is_bare_message(p))
		find_message(incoming);
	return accepted;
}

void
qlm_incoming_forget_body(QlmIncoming *incoming)
{
	incoming->request.body = "";
	incoming->request.body_len = 0;
	release_body(incoming);
}

char *
qlm_incoming_keep_answer(QlmIncoming *incoming, const char *data, Size len)
{
	incoming->request.body = NULL;
	qlm_incoming_shrink(incoming);
	if (!reserve_body(incoming, 0, Max(len, 1)))
		return NULL;
	if (len > 0)
		memcpy(incoming->body.data, data, len);
	return incoming->body.data;
}

void
qlm_incoming_shrink(QlmIncoming *incoming)
{
	end_inflating(incoming);
	if (incoming->body.size > KEEP_BUFFER)
		release_body(incoming);
}

void
qlm_incoming_free(QlmIncoming *incoming)
{
	end_inflating(incoming);
	release(&incoming->query);
	release(&incoming->text);
	release_body(incoming);
}
