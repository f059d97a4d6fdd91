/*
 * selector_parse.c
 *		Attributes of a verb: callback, format, target, and the selectors of a
 *		read.
 *
 * A poll names its data by requestID, but clients send selectors with it, too.
 * Whether a read is a poll is known only at its end.
 */
#include "postgres.h"

#include <math.h>

#include "base/datetime.h"
#include "base/datetime_problem.h"
#include "base/limits.h"
#include "base/number.h"
#include "message/parse/parser.h"
#include "message/parse/parser_text.h"
#include "message/parse/position.h"
#include "message/parse/refuse.h"
#include "message/parse/selector_parse.h"
#include "message/parse/unknown.h"

/* Notes an invalid selector, which counts if the verb is not a poll. */
static void
refuse_selector(QlmParser *p, const QlmXmlAttribute *attribute,
				const char *what)
{
	if (p->level->selector_error != NULL)
		return;
	p->level->selector_error =
		psprintf("%s is \"%s\", %s%s (%s)", attribute->name,
				 qlm_parser_excerpt(p, attribute->value, attribute->len),
				 strncmp(what, "which", 5) == 0 ? "" : "which is ", what,
				 qlm_parser_position(p, qlm_parser_line(p)));
}

static int
read_count(QlmParser *p, const QlmXmlAttribute *attribute)
{
	const char *text = qlm_parser_trim(p, attribute->value, attribute->len);
	const char *digits = text[0] == '+' ? text + 1 : text;
	int64		count = 0;

	if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
	{
		refuse_selector(p, attribute, "not a positive integer");
		return 0;
	}
	/* A number that does not fit means all that there are. */
	for (; *digits != '\0' && count <= PG_INT32_MAX; digits++)
		count = count * 10 + (*digits - '0');
	if (count == 0)
		refuse_selector(p, attribute, "not a positive integer");
	return (int) Min(count, PG_INT32_MAX);
}

static bool
read_bool(QlmParser *p, const QlmXmlAttribute *attribute)
{
	const char *text = qlm_parser_trim(p, attribute->value, attribute->len);

	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		return true;
	if (strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
		refuse_selector(p, attribute, "neither true nor false");
	return false;
}

static bool
read_begin(QlmParser *p, const QlmXmlAttribute *attribute, TimestampTz *ts)
{
	if (qlm_datetime_parse_begin(attribute->value, attribute->len, ts))
		return true;
	refuse_selector(p, attribute,
					qlm_datetime_problem(attribute->value, attribute->len));
	return false;
}

static bool
read_end(QlmParser *p, const QlmXmlAttribute *attribute, TimestampTz *ts)
{
	if (qlm_datetime_parse_end(attribute->value, attribute->len, ts))
		return true;
	refuse_selector(p, attribute,
					qlm_datetime_problem(attribute->value, attribute->len));
	return false;
}

/* Seconds, or -1 for events, or -2 for new InfoItems */
static void
read_interval(QlmParser *p, QlmRequest *request,
			  const QlmXmlAttribute *attribute)
{
	double		interval;

	if (!qlm_double_parse(attribute->value, attribute->len, &interval) ||
		isnan(interval) || isinf(interval))
		refuse_selector(p, attribute, "not a number of seconds");
	else if (interval < 0 && interval != -1 && interval != -2)
		refuse_selector(p, attribute, "negative, but neither -1 nor -2");
	else
	{
		request->has_interval = true;
		request->interval = interval;
	}
}

static bool
read_selector(QlmParser *p, QlmRequest *request,
			  const QlmXmlAttribute *attribute)
{
	const char *name = attribute->name;

	if (strcmp(name, "interval") == 0)
		read_interval(p, request, attribute);
	else if (strcmp(name, "newest") == 0)
		request->newest = read_count(p, attribute);
	else if (strcmp(name, "oldest") == 0)
		request->oldest = read_count(p, attribute);
	else if (strcmp(name, "maxlevels") == 0)
		request->max_levels = Min(read_count(p, attribute), QLM_MAX_LEVELS);
	else if (strcmp(name, "all") == 0)
		request->all = read_bool(p, attribute);
	else if (strcmp(name, "qlmDetails") == 0)
		request->details = read_bool(p, attribute);
	else if (strcmp(name, "begin") == 0)
		request->has_begin = read_begin(p, attribute, &request->begin);
	else if (strcmp(name, "end") == 0)
		request->has_end = read_end(p, attribute, &request->end);
	else
		return false;
	p->level->selects = true;
	return true;
}

/*
 * An attribute that narrows a delete must never be ignored: everything would
 * be deleted.
 */
static bool
read_deleted(QlmParser *p, QlmRequest *request,
			 const QlmXmlAttribute *attribute)
{
	const char *name = attribute->name;

	if ((strcmp(name, "begin") == 0 && request->has_begin) ||
		(strcmp(name, "end") == 0 && request->has_end))
	{
		/* the same name with a prefix, as XML allows */
		refuse_selector(p, attribute, "given twice");
		return true;
	}
	if (strcmp(name, "begin") == 0 || strcmp(name, "end") == 0)
		return read_selector(p, request, attribute);
	if (strcmp(name, "newest") != 0 && strcmp(name, "oldest") != 0 &&
		strcmp(name, "maxlevels") != 0)
		return false;
	refuse_selector(p, attribute, "not accepted by a delete");
	return true;
}

static void
read_target(QlmParser *p, QlmRequest *request,
			const QlmXmlAttribute *attribute)
{
	const char *target = qlm_parser_trim(p, attribute->value, attribute->len);

	request->target_device = strcmp(target, "device") == 0;
	if (!request->target_device && strcmp(target, "node") != 0)
		qlm_parser_refuse(p, qlm_parser_line(p),
						  "targetType is \"%s\", which is neither node nor device",
						  qlm_parser_excerpt(p, target, strlen(target)));
}

void
qlm_selector_parse_attributes(QlmParser *p, QlmRequest *request,
						  const QlmXmlElement *element)
{
	QlmParserLevel *level = p->level;

	level->selector_error = NULL;
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];
		const char *name = a->name;

		if (strcmp(name, "msgformat") == 0)
			request->msgformat = qlm_parser_trim(p, a->value, a->len);
		else if (strcmp(name, "callback") == 0)
		{
			request->callback = qlm_parser_trim(p, a->value, a->len);
			if (request->callback[0] == '\0')
				request->callback = NULL;
		}
		else if (strcmp(name, "targetType") == 0)
			read_target(p, request, a);
		else if (strcmp(name, "version") == 0 || strcmp(name, "ttl") == 0)
			level->hints.verb_attributes = true;
		else if (!(request->verb == QLM_READ && read_selector(p, request, a)) &&
				 !(request->verb == QLM_DELETE && read_deleted(p, request, a)))
			qlm_unknown_verb_attribute(p, request, element, a);
	}
}

static void
forget_selectors(QlmRequest *request)
{
	request->has_interval = false;
	request->interval = 0;
	request->max_levels = 0;
	request->all = false;
	request->details = false;
}

static void
forget_window(QlmRequest *request)
{
	request->newest = 0;
	request->oldest = 0;
	request->has_begin = false;
	request->has_end = false;
}

/* A read without payload is a heartbeat, unless it asks for data. */
static const char *
check_heartbeat(const QlmParserLevel *level, const QlmRequest *request)
{
	if (request->verb != QLM_READ || request->has_interval ||
		request->odf != NULL || request->opaque != NULL)
		return NULL;
	if (level->empty_id)
		return "A requestID is empty";
	return level->selects ?
		"A read that selects values needs a payload with Objects" : NULL;
}

/* Returns what would be ignored. */
static const char *
check_payload(const QlmRequest *request)
{
	if (request->odf != NULL && request->opaque != NULL)
		return psprintf("The %s has more than one payload", qlm_verb_name(request->verb));
	if (request->verb == QLM_CANCEL &&
		(request->opaque != NULL ||
		 (request->odf != NULL && request->odf->root.objects != NULL)))
		return "A cancel ends whole subscriptions: it takes requestIDs, and no payload";
	return NULL;
}

void
qlm_selector_parse_finish(QlmParser *p, QlmRequest *request)
{
	const char *error = p->level->selector_error;

	if (request->request_ids != NIL && request->verb == QLM_READ)
	{
		forget_selectors(request);
		forget_window(request);
		return;
	}
	if (request->all)
		forget_window(request);
	if (error == NULL && request->newest > 0 && request->oldest > 0)
		error = "newest and oldest exclude each other";
	if (error == NULL && request->has_interval &&
		(request->has_begin || request->has_end))
		error = "A read with interval takes neither begin nor end";
	if (error == NULL && request->has_interval && request->details)
		error = "A read with interval takes no qlmDetails: read once with it, then subscribe";
	if (error == NULL)
		error = check_heartbeat(p->level, request);
	if (error == NULL)
		error = check_payload(request);
	if (error != NULL && request->error_code == 0)
	{
		request->error_code = 400;
		request->error = error;
	}
}
