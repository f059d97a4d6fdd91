/*
 * refuse.c
 *		Errors of the parser: those of an envelope, and those of one verb.
 */
#include "postgres.h"

#include "base/excerpt.h"
#include "message/parse/position.h"
#include "message/parse/refuse.h"
#include "xml/failure.h"

static char *format_message(const char *fmt, va_list args) pg_attribute_printf(1, 0);

static char *
format_message(const char *fmt, va_list args)
{
	char		text[1024];
	int			len = vsnprintf(text, sizeof(text), fmt, args);

	/* Cut at the beginning of a character */
	if (len >= (int) sizeof(text))
		for (len = sizeof(text) - 1; len > 0 && (text[len - 1] & 0x80); len--)
			if ((text[len - 1] & 0xC0) == 0xC0)
			{
				len--;
				break;
			}
	return pnstrdup(text, len);
}

void
qlm_parser_fail(QlmParser *p, int code, const char *fmt,...)
{
	va_list		args;
	char	   *message;

	va_start(args, fmt);
	message = format_message(fmt, args);
	va_end(args);
	p->failed = true;
	if (p->reader != NULL)
		qlm_xml_reader_fail(p->reader, code, "%s", message);
	else if (p->json_code == 0)
	{
		p->json_code = code;
		p->json_error = psprintf("%s (%s)", message,
								 qlm_parser_position(p, qlm_parser_line(p)));
	}
}

void
qlm_parser_refuse(QlmParser *p, int line, const char *fmt,...)
{
	QlmRequest *request = p->level->request;
	va_list		args;
	char	   *message;

	if (request == NULL || request->error_code != 0)
		return;
	va_start(args, fmt);
	message = format_message(fmt, args);
	va_end(args);
	request->error_code = 400;
	request->error = psprintf("%s (%s)", message, qlm_parser_position(p, line));
}

const char *
qlm_parser_excerpt(QlmParser *p, const char *text, int len)
{
	return qlm_excerpt(text, len);
}
