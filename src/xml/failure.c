/*
 * failure.c
 *		The error of a reader, with its position.
 */
#include "postgres.h"

#include <libxml/SAX2.h>

#include "xml/failure.h"
#include "xml/reader_state.h"

int
qlm_xml_reader_line(const QlmXmlReader *reader)
{
	return xmlSAX2GetLineNumber(reader->parser) + reader->decoder.skipped_lines;
}

/*
 * Cuts the text at a character boundary, in one line, without trailing blanks.
 */
static void
clean_text(char *text)
{
	int			len = strlen(text);

	if (len >= QLM_XML_MAX_ERROR - 1)
	{
		while (len > 0 && (text[len - 1] & 0xC0) == 0x80)
			len--;
		len -= (len > 0 && (unsigned char) text[len - 1] >= 0xC0);
	}
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	text[len] = '\0';
	for (; *text; text++)
	{
		if ((unsigned char) *text < ' ')
			*text = ' ';
	}
}

/* The only place that sets the error; the first one is kept. */
void
qlm_xml_reader_fail_at(QlmXmlReader *reader, int code, int line, int column,
					   const char *fmt, va_list args)
{
	if (reader->error.code != 0)
		return;
	reader->error.code = code;
	reader->error.line = line;
	reader->error.column = column;
	vsnprintf(reader->text, sizeof(reader->text), fmt, args);
	clean_text(reader->text);
	reader->error.message = reader->text;
}

void
qlm_xml_reader_fail(QlmXmlReader *reader, int code, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	qlm_xml_reader_fail_at(reader, code, qlm_xml_reader_line(reader),
						   xmlSAX2GetColumnNumber(reader->parser), fmt, args);
	va_end(args);
	xmlStopParser(reader->parser);
}

int
qlm_xml_reader_column(const QlmXmlReader *reader)
{
	return xmlSAX2GetColumnNumber(reader->parser);
}
