/*
 * envelope_text.c
 *		Converts envelopes from and to text, either XML or JSON.
 */
#include "postgres.h"

#include "json/json_read.h"
#include "message/json/envelope_json.h"
#include "message/json/json_events.h"
#include "message/parse/envelope_parse.h"
#include "message/parse/no_message.h"
#include "message/parse/xml_events.h"
#include "message/print/envelope_print.h"
#include "message/text/envelope_text.h"

/* JSON that could not be understood is answered as JSON, too. */
static QlmEnvelope *
unknown_envelope(bool is_json)
{
	QlmEnvelope *envelope = qlm_envelope_create(qlm_dialect_default(), 0);

	if (is_json)
	{
		envelope->dialect = *qlm_dialect_by_key("M0");
		envelope->dialect.json = true;
		envelope->dialect.request_id = "requestID";
	}
	return envelope;
}

QlmEnvelope *
qlm_envelope_parse(const char *data, Size len, const char *charset,
				   int *error_code, const char **error)
{
	QlmParser	parser;
	bool		is_json = qlm_json_is_likely(data, len);

	*error_code = 0;
	*error = NULL;
	memset(&parser, 0, sizeof(parser));
	if (is_json)
	{
		qlm_json_run(&parser, data, len, charset);
		*error_code = parser.json_code;
		*error = parser.json_error;
	}
	else
		qlm_xml_run(&parser, data, len, charset, error_code, error);
	if (parser.level == NULL && *error_code == 400 && !is_json)
	{
		const char *beginning = qlm_no_message_explain(data, len);

		*error = beginning != NULL ? beginning : *error;
	}
	if (parser.level == NULL)
		return unknown_envelope(is_json);
	parser.level = &parser.levels[0];
	if (*error_code != 0)
		qlm_dialect_recognize(&parser.level->hints,
							  &parser.level->envelope->dialect);
	else
	{
		*error = qlm_envelope_parse_end(&parser);
		if (*error != NULL)
			*error_code = 400;
	}
	return parser.level->envelope;
}

QlmEnvelope *
qlm_envelope_from_text(const char *text)
{
	int			error_code;
	const char *error;
	QlmEnvelope *envelope = qlm_envelope_parse(text, strlen(text), "UTF-8",
											   &error_code, &error);

	return error_code == 0 ? envelope : NULL;
}

void
qlm_envelope_print(StringInfo buf, const QlmEnvelope *envelope)
{
	if (envelope->dialect.json)
		qlm_envelope_print_json(buf, envelope);
	else
		qlm_envelope_print_xml(buf, envelope);
}

char *
qlm_envelope_to_text(const QlmEnvelope *envelope)
{
	StringInfoData text;

	initStringInfo(&text);
	qlm_envelope_print(&text, envelope);
	return text.data;
}

char *
qlm_envelope_to_nested_text(const QlmEnvelope *nested, const QlmDialect *outer)
{
	StringInfoData text;

	initStringInfo(&text);
	if (outer->json)
		qlm_envelope_print_json_member(&text, nested);
	else
		qlm_envelope_print_nested_xml(&text, nested, outer);
	return text.data;
}
