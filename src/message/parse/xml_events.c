/*
 * xml_events.c
 *		Runs the parser of envelopes on XML.
 */
#include "postgres.h"

#include "message/parse/envelope_parse.h"
#include "message/parse/parser_text.h"
#include "message/parse/xml_events.h"
#include "xml/reader.h"

static void
note_reader_error(QlmParser *p, int *error_code, const char **error)
{
	const QlmXmlError *reader_error = qlm_xml_reader_error(p->reader);

	*error_code = reader_error->code;
	*error = psprintf("%s (line %d, column %d)", reader_error->message,
					  reader_error->line, reader_error->column);
}

void
qlm_xml_run(QlmParser *p, const char *data, Size len, const char *charset,
		   int *error_code, const char **error)
{
	p->reader = qlm_xml_reader_create(&qlm_envelope_handler, p, charset);
	PG_TRY();
	{
		if (!qlm_xml_reader_feed(p->reader, data, len) ||
			!qlm_xml_reader_finish(p->reader))
			note_reader_error(p, error_code, error);
	}
	PG_FINALLY();
	{
		qlm_xml_reader_free(p->reader);
		p->reader = NULL;
	}
	PG_END_TRY();
}

QlmOdf *
qlm_odf_parse(const char *data, Size len)
{
	QlmParser	parser;
	QlmRequest	request = {.verb = QLM_WRITE};
	int			error_code = 0;
	const char *error;

	memset(&parser, 0, sizeof(parser));
	parser.level = &parser.levels[0];
	parser.level->request = &request;
	qlm_parser_push(&parser, QLM_FRAME_MSG, true);
	qlm_xml_run(&parser, data, len, "UTF-8", &error_code, &error);
	return error_code == 0 && request.error_code == 0 ? request.odf : NULL;
}
