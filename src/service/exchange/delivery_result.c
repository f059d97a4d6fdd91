/*
 * delivery_result.c
 *		Whether the receiver of an outbox row has taken it, judged by its HTTP
 *		status and its answer.
 *
 * Status 200 alone means that the row was received.  A node that cannot store
 * the data, now or ever, may say so in an envelope.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "base/client_settings.h"
#include "message/parse/html.h"
#include "message/text/envelope_text.h"
#include "service/exchange/delivery_result.h"
#include "storage/peer/peer.h"

/* A mere acknowledgement is shorter; longer answers are not parsed. */
#define MAX_ACKNOWLEDGEMENT	(64 * 1024)

#define MAX_DESCRIPTION		200
#define MAX_WORDS			120		/* quoted from a page */

static QlmDeliveryResult
of_code(int code)
{
	switch (code)
	{
		case 0:
		case 408:
		case 425:
		case 429:
		case 502:
		case 503:
		case 504:
			return QLM_DELIVERY_LATER;
		case 400:
		case 403:
		case 405:
		case 410:
		case 413:
		case 414:
		case 415:
		case 501:
			return QLM_DELIVERY_REFUSED;
		default:
			return qlm_code_is_success(code) ? QLM_DELIVERY_TAKEN :
				QLM_DELIVERY_DOUBTFUL;
	}
}

/* A 404 inside an envelope comes from the node itself, which was reached. */
static QlmDeliveryResult
of_result(const QlmResult *result)
{
	return result->code == 404 ? QLM_DELIVERY_REFUSED : of_code(result->code);
}

/* A result that carries a nested request says nothing about what was sent. */
static bool
is_about_it(const QlmResult *result)
{
	return result->code != 0 && result->nested == NULL && result->nested_error == NULL;
}

/*
 * Could the body contain a return code other than success?  A cheap search:
 * most answers say 200, and need not be parsed.
 */
static bool
may_refuse(const char *body, Size len)
{
	static const char name[] = "returnCode";
	const char *end = body + len;
	const char *at = body;

	while (at < end && (at = memmem(at, end - at, name, sizeof(name) - 1)) != NULL)
	{
		at += sizeof(name) - 1;
		while (at < end && strchr(" \t\r\n\"':=", *at) != NULL && *at != '\0')
			at++;
		if (at == end || *at != '2')
			return true;
	}
	return false;
}

/* Returns the result that refuses the data, or NULL if they were taken. */
static const QlmResult *
refusal_of_data(const List *results)
{
	const QlmResult *first = NULL;
	bool		any_success = false;
	ListCell   *lc;

	foreach(lc, results)
	{
		const QlmResult *result = lfirst(lc);

		if (!is_about_it(result))
			continue;
		if (of_result(result) == QLM_DELIVERY_LATER)
			return result;
		any_success |= qlm_result_is_success(result);
		if (first == NULL && !qlm_result_is_success(result))
			first = result;
	}
	return any_success ? NULL : first;
}

/*
 * Returns the result that puts a request off, or NULL. Any code other than 503
 * is the answer to the request.
 */
static const QlmResult *
refusal_of_request(const List *results)
{
	const QlmResult *first = NULL;
	ListCell   *lc;

	foreach(lc, results)
	{
		const QlmResult *result = lfirst(lc);

		if (!is_about_it(result))
			continue;
		if (qlm_result_is_success(result))
			return NULL;
		if (first == NULL && result->code == 503)
			first = result;
	}
	return first;
}

static QlmEnvelope *
parse(const char *text, Size len)
{
	int			error_code;
	const char *error;
	QlmEnvelope *envelope = qlm_envelope_parse(text, len, NULL, &error_code, &error);

	return error_code == 0 ? envelope : NULL;
}

/*
 * Does the envelope contain a call?  A 503 in the answer to a call may mean
 * that the function was run and did not end in time, so it is not repeated.
 * If the call was refused before, the HTTP status says so.
 */
static bool
has_call(const char *asked)
{
	QlmEnvelope *envelope = parse(asked, strlen(asked));
	ListCell   *lc;

	if (envelope == NULL)
		return false;
	foreach(lc, envelope->requests)
		if (((QlmRequest *) lfirst(lc))->verb == QLM_CALL)
			return true;
	return false;
}

bool
qlm_delivery_is_later(const char *asked, const List *results)
{
	return refusal_of_request(results) != NULL && !has_call(asked);
}

static const char *
meaning_of(int status)
{
	return status == 421 ? ": it is not called by this host name (see qlm.host_names there)" :
		status == 407 ? ": the proxy wants other credentials" : "";
}

static void
describe(char *why, const QlmDeliveryAnswer *answer, const QlmResult *result)
{
	int			status = answer->status;
	const char *description = result && status != 421 ? result->description : NULL;
	int			len;

	if (status >= 300 && status < 400 && answer->location && *answer->location)
		len = snprintf(why, QLM_MAX_DELIVERY_WHY, "it answered with HTTP status %d and sends to %.250s%s",
					   status, answer->location,
					   status >= 307 ? ", which the option redirects of the peer allows to follow" : "");
	else if (status < 200 || status >= 300)
		len = snprintf(why, QLM_MAX_DELIVERY_WHY, "it answered with HTTP status %d%s", status,
					   meaning_of(status));
	else
		len = snprintf(why, QLM_MAX_DELIVERY_WHY, "it answered with returnCode %d", result->code);
	if (description && *description && len < QLM_MAX_DELIVERY_WHY - MAX_DESCRIPTION - 3)
		snprintf(why + len, QLM_MAX_DELIVERY_WHY - len, ": %.*s",
				 pg_mbcliplen(description, strlen(description), MAX_DESCRIPTION),
				 description);
	for (char *p = why; *p; p++)
		if ((unsigned char) *p < ' ')
			*p = ' ';
}

/*
 * Returns the result of the answer that says why the row was not taken, or
 * NULL.
 */
static const QlmResult *
find_refusal(const QlmOutboxRow *row, const char *body, Size len)
{
	QlmEnvelope *envelope;
	List	   *results = NIL;
	ListCell   *lc;
	bool		is_request = row && !row->is_response;

	if (!may_refuse(body, len) || (!is_request && len > MAX_ACKNOWLEDGEMENT) ||
		(is_request && memmem(body, len, "503", 3) == NULL))
		return NULL;
	envelope = parse(body, len);
	if (envelope == NULL)
		return NULL;
	foreach(lc, envelope->requests)
		results = list_concat(results, ((QlmRequest *) lfirst(lc))->results);
	if (!is_request)
		return refusal_of_data(results);
	return has_call(row->envelope) ? NULL : refusal_of_request(results);
}

/*
 * A status of 200 without an envelope does not come from a peer, but from a
 * login page, a proxy that blocks the way, or a wrong URL. The receiver of a
 * callback may answer with an empty body, but hardly with a web page.
 */
static bool
is_stray(QlmDeliveryAnswer *answer)
{
	if (qlm_html_is_nothing(answer->body, answer->len))
		return false;
	answer->is_page = qlm_html_is(answer->body, answer->len);
	return answer->is_peers ? parse(answer->body, answer->len) == NULL :
		answer->is_page && qlm_refuse_pages;
}

static void
describe_stray(char *why, const QlmDeliveryAnswer *answer)
{
	char		words[MAX_WORDS];

	qlm_html_words(answer->body, answer->len, words, sizeof(words));
	snprintf(why, QLM_MAX_DELIVERY_WHY, "it answered with %s instead of an envelope: \"%s\"",
			 answer->is_page ? "a web page" : "something else", words);
}

QlmDeliveryResult
qlm_delivery_judge(const QlmOutboxRow *row, QlmDeliveryAnswer *answer, char *why)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "qlm delivery result",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	const QlmResult *refusal = answer->len > 0 ?
		find_refusal(row, answer->body, answer->len) : NULL;
	QlmDeliveryResult delivery = of_code(answer->status);

	if (delivery == QLM_DELIVERY_TAKEN && refusal)
		delivery = of_result(refusal);
	if (delivery != QLM_DELIVERY_TAKEN)
		describe(why, answer, refusal);
	else if (is_stray(answer))
	{
		delivery = QLM_DELIVERY_LATER;
		describe_stray(why, answer);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return delivery;
}
