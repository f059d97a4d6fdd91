/*
 * incoming_head.c
 *		The headers of a request, as they are received.
 */
#include "postgres.h"

#include "transport/coding/header.h"
#include "transport/http/incoming_head.h"

/* Headers that are used as they are; the first one of several counts. */
static const char **
plain_header(QlmIncomingHead *head, const char *name, Size len)
{
	switch (len)
	{
		case 4:
			return pg_strcasecmp(name, "Host") == 0 ? &head->host : NULL;
		case 6:
			return pg_strcasecmp(name, "Accept") == 0 ? &head->accept :
				pg_strcasecmp(name, "Origin") == 0 ? &head->origin : NULL;
		case 14:
			return pg_strcasecmp(name, "Sec-Fetch-Site") == 0 ? &head->fetch_site :
				pg_strcasecmp(name, "Sec-Fetch-Mode") == 0 ? &head->fetch_mode : NULL;
		case 12:
			return pg_strcasecmp(name, "Content-Type") == 0 ? &head->content_type : NULL;
		case 15:
			return pg_strcasecmp(name, "Accept-Encoding") == 0 ? &head->accept_encoding : NULL;
		case 13:
			return pg_strcasecmp(name, "Authorization") == 0 ? &head->authorization :
				pg_strcasecmp(name, "If-None-Match") == 0 ? &head->if_none_match : NULL;
		case 16:
			return pg_strcasecmp(name, "X-Forwarded-Host") == 0 ? &head->forwarded.host : NULL;
		case 17:
			return pg_strcasecmp(name, "X-Forwarded-Proto") == 0 ? &head->forwarded.proto : NULL;
		case 18:
			return pg_strcasecmp(name, "X-Forwarded-Prefix") == 0 ? &head->forwarded.prefix : NULL;
		default:
			return NULL;
	}
}

void
qlm_incoming_header(QlmIncomingHead *head, const char *name, Size name_len,
					const char *value, Size value_len)
{
	const char **plain = plain_header(head, name, name_len);

	/* Readers disagree on whether "Content-Length : 5" is a length. */
	if (memchr(name, ' ', name_len) || memchr(name, '\t', name_len))
		head->is_bad = true;
	else if (plain)
	{
		if (*plain == NULL)
			*plain = value;
		else if (plain == &head->origin || plain == &head->authorization)
			head->is_ambiguous = true;
		head->hosts += plain == &head->host;
	}
	else if (name_len == 6 && pg_strcasecmp(name, "Prefer") == 0)
	{
		/* the first of several counts */
		if (head->prefer_wait == 0)
			head->prefer_wait = Max(qlm_header_prefer_wait(value), 0);
	}
	else if (name_len == 6 && pg_strcasecmp(name, "Expect") == 0)
		head->expects_continue = true;
	else if (name_len == 14 && pg_strcasecmp(name, "Content-Length") == 0)
	{
		head->lengths++;
		head->is_bad |= !qlm_header_length(value, value_len, &head->length);
	}
	else if (name_len == 16 && pg_strcasecmp(name, "Content-Encoding") == 0)
		head->coding = head->coding == QLM_CODING_NONE ? qlm_coding_of(value) :
			QLM_CODING_UNKNOWN;
	else if (name_len == 17 && pg_strcasecmp(name, "Transfer-Encoding") == 0)
	{
		head->is_bad |= head->is_chunked || pg_strcasecmp(value, "chunked") != 0;
		head->is_chunked = true;
	}
}

bool
qlm_incoming_is_framed(const QlmIncomingHead *head)
{
	return !head->is_bad && head->lengths <= 1 &&
		!(head->is_chunked && head->lengths > 0) &&
		!(head->is_chunked && strcmp(head->version, "HTTP/1.1") != 0);
}
