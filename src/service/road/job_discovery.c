/*
 * job_discovery.c
 *		Discovery by GET (protocol 9.2): what the client asks for and in which
 *		form, the answer and its entity tag.
 *
 * It is run like a read, so that identification, rights, retries and timeouts
 * are the same.  Nodes that the caller may not see are answered like nodes
 * that do not exist.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"

#include "base/accept_header.h"
#include "base/datetime.h"
#include "base/datetime_problem.h"
#include "base/excerpt.h"
#include "base/path.h"
#include "json/json_write.h"
#include "message/json/odf_json.h"
#include "message/print/odf_print.h"
#include "service/road/exchange_journal.h"
#include "service/road/identify.h"
#include "service/road/job_discovery.h"
#include "storage/select/select_url.h"
#include "xml/writer.h"

#define TYPE_XML "text/xml"
#define TYPE_XML_TOO "application/xml"
#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain"
#define UTF8 "; charset=UTF-8"

typedef enum Form
{
	FORM_XML,
	FORM_XML_TOO,
	FORM_JSON,
	FORM_TEXT
} Form;

static const char *const content_types[] = {
	[FORM_XML] = TYPE_XML UTF8,
	[FORM_XML_TOO] = TYPE_XML_TOO UTF8,
	[FORM_JSON] = TYPE_JSON,
	[FORM_TEXT] = TYPE_TEXT UTF8,
};

typedef struct Wish
{
	Form		form;			/* of a tree */
	Form		value_form;		/* of a bare value */
	const QlmDialect *dialect;
	QlmSelector selector;
	bool		has_selector;
	const char *error;			/* what is wrong with the request, or NULL */
} Wish;

/* A type that is named takes precedence over one that a wildcard accepts. */
static bool
is_better(QlmAcceptance a, QlmAcceptance b)
{
	if (a.quality != b.quality)
		return a.quality > b.quality;
	return a.quality > 0 && a.precision == 3 && b.precision < 3;
}

static void
choose_forms(Wish *wish, const char *accept)
{
	QlmAcceptance xml = qlm_accept_header_quality(accept, TYPE_XML);
	QlmAcceptance xml_too = qlm_accept_header_quality(accept, TYPE_XML_TOO);
	QlmAcceptance json = qlm_accept_header_quality(accept, TYPE_JSON);
	QlmAcceptance text = qlm_accept_header_quality(accept, TYPE_TEXT);

	wish->form = FORM_XML;
	if (is_better(xml_too, xml))
	{
		wish->form = FORM_XML_TOO;
		xml = xml_too;
	}
	if (xml.is_v2)
		wish->dialect = qlm_dialect_by_key("M2");
	if (is_better(json, xml))
		wish->form = FORM_JSON;
	wish->value_form = is_better(json, text) ? FORM_JSON : FORM_TEXT;
}

/* Keeps the first error. */
static void
refuse(Wish *wish, const char *error)
{
	if (wish->error == NULL)
		wish->error = error;
}

static void
choose_version(Wish *wish, const char *version)
{
	if (version == NULL)
		return;
	if (strcmp(version, "2.0") == 0 || strcmp(version, "2") == 0)
		wish->dialect = qlm_dialect_by_key("M2");
	else if (strcmp(version, "1.0") == 0 || strcmp(version, "1") == 0)
		wish->dialect = qlm_dialect_by_key("M1b");
	else
		refuse(wish, "the version of O-DF must be 1.0 or 2.0");
}

static int
read_count(Wish *wish, const char *text)
{
	int64		count = 0;

	if (text == NULL)
		return 0;
	/* A number that does not fit means all that there are. */
	if (strspn(text, "0123456789") == strlen(text))
		for (; *text != '\0' && count <= PG_INT32_MAX; text++)
			count = count * 10 + (*text - '0');
	if (count == 0)
		refuse(wish, "newest and oldest must be positive integers");
	return (int) Min(count, PG_INT32_MAX);
}

static bool
read_time(Wish *wish, const char *name, const char *text, TimestampTz *ts)
{
	bool		is_end = strcmp(name, "end") == 0;
	bool		success;

	if (text == NULL)
		return false;
	success = is_end ? qlm_datetime_parse_end(text, strlen(text), ts) :
		qlm_datetime_parse_begin(text, strlen(text), ts);
	if (!success)
		refuse(wish, psprintf("%s is \"%s\", %s, or a date", name,
							  qlm_excerpt(text, -1),
							  qlm_datetime_problem(text, strlen(text))));
	return true;
}

static Wish
understand(const QlmDiscovery *discovery)
{
	Wish		wish = {.dialect = qlm_dialect_by_key("M1b")};
	QlmSelector *selector = &wish.selector;

	wish.error = discovery->problem;
	choose_forms(&wish, discovery->accept);
	choose_version(&wish, discovery->version);
	selector->newest = read_count(&wish, discovery->newest);
	selector->oldest = read_count(&wish, discovery->oldest);
	selector->has_begin = read_time(&wish, "begin", discovery->begin,
									&selector->begin);
	selector->has_end = read_time(&wish, "end", discovery->end, &selector->end);
	wish.has_selector = selector->newest || selector->oldest ||
		selector->has_begin || selector->has_end;
	if (selector->newest && selector->oldest)
		refuse(&wish, "newest and oldest cannot be given together");
	return wish;
}

static Form
print_value(StringInfo buf, const QlmValue *value, const Wish *wish)
{
	if (wish->value_form == FORM_JSON)
	{
		qlm_odf_json_print_value(buf, value);
		return FORM_JSON;
	}
	appendBinaryStringInfo(buf, value->text, value->len);
	return value->is_odf ? FORM_XML : FORM_TEXT;
}

static void
print_json(StringInfo buf, const QlmUrlSelection *found)
{
	if (found->item)
		qlm_odf_json_print_item(buf, found->item);
	else if (found->object)
		qlm_odf_json_print_object(buf, found->object);
	else
		qlm_odf_json_print(buf, found->odf);
}

static void
print_xml(StringInfo buf, const QlmUrlSelection *found, const QlmDialect *dialect)
{
	if (found->part == QLM_URL_PART_META_DATA)
		qlm_odf_print_meta_data(buf, found->item, dialect);
	else if (found->item)
		qlm_odf_print_item(buf, found->item, dialect);
	else if (found->object)
		qlm_odf_print_object(buf, found->object, dialect);
	else
		qlm_odf_print_document(buf, found->odf, dialect);
}

static Form
print_found(StringInfo buf, const QlmUrlSelection *found, const Wish *wish)
{
	if (found->part == QLM_URL_PART_VALUE)
		return print_value(buf, found->item->values, wish);
	if (wish->form == FORM_JSON)
		print_json(buf, found);
	else
		print_xml(buf, found, wish->dialect);
	return wish->form;
}

/* A weak tag, since the body may be compressed on the way */
static const char *
make_tag(const StringInfoData *body, Form form)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) body->data,
										   body->len, form);

	return psprintf("W/\"" UINT64_FORMAT "\"", hash);
}

/* Is the tag in the list of If-None-Match? */
static bool
is_known(const char *list, const char *tag)
{
	const char *opaque = strchr(tag, '"');
	Size		len = strlen(opaque);
	const char *p = list;

	if (list == NULL)
		return false;
	if (strcmp(list, "*") == 0)
		return true;
	while ((p = strchr(p, '"')) != NULL)
	{
		const char *end = strchr(p + 1, '"');

		if (end == NULL)
			return false;
		if (end - p + 1 == len && memcmp(p, opaque, len) == 0)
			return true;
		p = end + 1;
	}
	return false;
}

static void
answer_found(QlmJob *job, const QlmUrlSelection *found, const Wish *wish)
{
	QlmDiscovery *discovery = job->discovery;
	Form		form;

	qlm_job_begin_answer(job);
	form = print_found(&job->answer, found, wish);
	discovery->content_type = content_types[form];
	discovery->etag = make_tag(&job->answer, form);

	/* The body is kept for Content-Length; the transport does not send it. */
	if (is_known(discovery->if_none_match, discovery->etag))
		job->status = 304;
}

/* Turns the GET into a read, though no envelope came. */
void
qlm_discovery_begin(QlmExchange *exchange)
{
	exchange->request = qlm_envelope_create(qlm_dialect_default(), 0);
	qlm_envelope_add_request(exchange->request, QLM_READ);
	qlm_exchange_begin_answer(exchange, &exchange->request->dialect);
	qlm_exchange_identify(exchange);
}

void
qlm_discovery_execute(QlmExchange *exchange)
{
	const QlmDiscovery *discovery = exchange->job->discovery;
	Wish		wish = understand(discovery);
	QlmUrlSelection found;
	const char *error = wish.error;
	char	  **ids;
	int			n = 0;

	if (error == NULL && !pg_verify_mbstr(PG_UTF8, discovery->path,
										  strlen(discovery->path), true))
		error = "the path is no UTF-8";
	if (error == NULL)
		n = qlm_path_split(discovery->path, &ids, &error);
	if (error != NULL)
		qlm_request_add_result(exchange->response, 400, error);
	else if (!qlm_select_url(ids, n, &wish.selector, &found))
		qlm_request_add_result(exchange->response, 404, NULL);
	else if (wish.has_selector && (found.item == NULL || found.item->is_meta_data ||
								   found.part != QLM_URL_PART_NODE))
		qlm_request_add_result(exchange->response, 400,
							   "newest, oldest, begin and end select values of an InfoItem");
	else
		answer_found(exchange->job, &found, &wish);
}

/* Answers {"error":"..."} or <error>...</error>. */
static void
answer_error(QlmJob *job, int code, const char *description)
{
	QlmDiscovery *discovery = job->discovery;
	Wish		wish = {0};

	choose_forms(&wish, discovery->accept);
	job->status = code;
	discovery->content_type = content_types[wish.form];
	discovery->etag = NULL;
	qlm_job_begin_answer(job);
	if (wish.form == FORM_JSON)
	{
		appendStringInfoChar(&job->answer, '{');
		qlm_json_member(&job->answer, "error", description);
		appendStringInfoChar(&job->answer, '}');
	}
	else
		qlm_xml_element(&job->answer, "error", description);
}

/* A node that the caller may not see is answered as if it did not exist. */
void
qlm_discovery_refuse(QlmJob *job, int code, const char *description)
{
	bool		unseen = code == 403 || code == 404;

	answer_error(job, unseen ? 404 : code,
				 unseen ? "there is nothing to see at this path" : description);
}

/* A caller without a role sees nothing at all, and is told that. */
static void
answer_refusal(QlmExchange *exchange)
{
	const QlmResult *result = linitial(exchange->response->results);

	if (OidIsValid(exchange->role))
		qlm_discovery_refuse(exchange->job, result->code, result->description);
	else
		answer_error(exchange->job, result->code, result->description);
}

void
qlm_discovery_finish(QlmExchange *exchange)
{
	if (exchange->response->results != NIL)
		answer_refusal(exchange);
	qlm_exchange_write_journal(exchange);
}
