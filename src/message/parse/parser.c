/*
 * parser.c
 *		The tools of the message parser: strings, the stack of open elements,
 *		captured XML, errors.
 *
 * Text is copied once, from libxml2's buffer to the end of a block where it
 * stays; a block holds the strings of many elements.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/limits.h"
#include "base/quote.h"
#include "message/parse/parser.h"
#include "xml/writer.h"

#define FIRST_BLOCK 1024
#define LARGEST_BLOCK (64 * 1024)

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
trim(const char **text, int *len)
{
	while (*len > 0 && is_space((*text)[0]))
	{
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && is_space((*text)[*len - 1]))
		(*len)--;
}

bool
qlm_parser_is_blank(const char *text, int len)
{
	trim(&text, &len);
	return len == 0;
}

/* Make room at the end, moving the text being collected to a larger block */
static bool
reserve(QlmParser *p, Size len)
{
	Size		open = p->used - p->text_start;
	Size		size;
	char	   *block;

	if (p->block_size - p->used >= len)
		return true;
	if (open + len > MaxAllocSize / 4)
	{
		qlm_parser_fail(p, 413, "A text is too long");
		return false;
	}
	size = p->block_size == 0 ? FIRST_BLOCK : p->block_size * 2;
	size = Max(Min(size, LARGEST_BLOCK), (open + len) * 2);
	block = palloc(size);
	if (open > 0)
		memcpy(block, p->block + p->text_start, open);
	p->block = block;
	p->block_size = size;
	p->used = open;
	p->text_start = 0;
	return true;
}

void
qlm_parser_text(QlmParser *p, const char *text, int len)
{
	if (!reserve(p, (Size) len + 1))
		return;
	memcpy(p->block + p->used, text, len);
	p->used += len;
}

char *
qlm_parser_take_text(QlmParser *p, int *len)
{
	char	   *text;

	if (!reserve(p, 1))
	{
		*len = 0;
		return "";
	}
	text = p->block + p->text_start;
	*len = p->used - p->text_start;
	text[*len] = '\0';
	p->used++;
	p->text_start = p->used;
	return text;
}

char *
qlm_parser_take_trimmed(QlmParser *p, int *len)
{
	char	   *text = qlm_parser_take_text(p, len);
	const char *start = text;

	trim(&start, len);
	text += start - text;
	text[*len] = '\0';
	return text;
}

void
qlm_parser_drop_text(QlmParser *p)
{
	p->used = p->text_start;
}

char *
qlm_parser_strdup(QlmParser *p, const char *text, int len)
{
	qlm_parser_text(p, text, len);
	return qlm_parser_take_text(p, &len);
}

char *
qlm_parser_trim(QlmParser *p, const char *text, int len)
{
	trim(&text, &len);
	return qlm_parser_strdup(p, text, len);
}

QlmFrame *
qlm_parser_push(QlmParser *p, QlmFrameKind kind, bool text)
{
	QlmFrame   *frame;

	if (p->nframes == p->max_frames)
	{
		p->max_frames = p->max_frames == 0 ? 16 : p->max_frames * 2;
		if (p->frames == NULL)
			p->frames = palloc(p->max_frames * sizeof(QlmFrame));
		else
			p->frames = repalloc(p->frames, p->max_frames * sizeof(QlmFrame));
	}
	frame = &p->frames[p->nframes++];
	memset(frame, 0, sizeof(QlmFrame));
	frame->kind = kind;
	frame->text = text;
	frame->line = qlm_parser_line(p);
	p->text_start = p->used;
	return frame;
}

/* Escaping can make text six times as long. */
static bool
capture_fits(QlmParser *p, Size len)
{
	if (p->captured.len + len * 6 < MaxAllocSize / 2)
		return true;
	qlm_parser_fail(p, 413, "Nested XML is too long");
	return false;
}

void
qlm_parser_capture(QlmParser *p, const QlmXmlElement *element,
				   const char *uri, bool self_contained)
{
	int			len;
	char	   *text = qlm_parser_take_text(p, &len);

	initStringInfo(&p->captured);
	p->capturing = true;
	p->capture_uri = uri;
	p->self_contained = self_contained;
	if (!qlm_parser_is_blank(text, len))
		qlm_parser_capture_text(p, text, len);
	qlm_parser_capture_start(p, element);
}

static bool
same_uri(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Prefixes are written as default namespaces */
static void
capture_namespace(QlmParser *p, QlmCaptured *captured, const char *uri)
{
	const char *around = p->capture_uri;
	bool		needed;

	if (p->nopen > 0)
		around = p->open[p->nopen - 1].uri;
	needed = !same_uri(uri, around);
	if (p->nopen == 0 && p->self_contained)
		needed = uri != NULL || around != NULL;
	captured->uri = around;
	if (!same_uri(uri, around))
		captured->uri = uri == NULL ? NULL :
			qlm_parser_strdup(p, uri, strlen(uri));
	if (needed)
		qlm_xml_attribute(&p->captured, "xmlns", uri != NULL ? uri : "");
}

/* Is there an attribute of the same name before this one, or without prefix? */
static bool
is_repeated(const QlmXmlElement *element, int n)
{
	const QlmXmlAttribute *attributes = element->attributes;

	if (attributes[n].prefix == NULL)
		return false;
	for (int i = 0; i < element->nattributes; i++)
		if (i != n && (i < n || attributes[i].prefix == NULL) &&
			strcmp(attributes[i].name, attributes[n].name) == 0)
			return true;
	return false;
}

void
qlm_parser_capture_start(QlmParser *p, const QlmXmlElement *element)
{
	StringInfo	buf = &p->captured;
	QlmCaptured captured;

	if (!capture_fits(p, QLM_MAX_ATTRIBUTES * QLM_MAX_ATTRIBUTE_SIZE))
		return;
	appendStringInfoChar(buf, '<');
	captured.name = buf->len;
	captured.name_len = strlen(element->name);
	appendBinaryStringInfo(buf, element->name, captured.name_len);
	capture_namespace(p, &captured, element->uri);
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];
		const char *name = a->name;

		/* the one prefix that needs no declaration */
		if (a->prefix != NULL && strcmp(a->prefix, "xml") == 0)
			name = psprintf("xml:%s", name);
		else if (is_repeated(element, i))
			continue;
		qlm_xml_attribute(buf, name, qlm_parser_strdup(p, a->value, a->len));
	}
	appendStringInfoChar(buf, '>');
	captured.content = buf->len;
	if (p->nopen == p->max_open)
	{
		p->max_open = p->max_open == 0 ? 16 : p->max_open * 2;
		if (p->open == NULL)
			p->open = palloc(p->max_open * sizeof(QlmCaptured));
		else
			p->open = repalloc(p->open, p->max_open * sizeof(QlmCaptured));
	}
	p->open[p->nopen++] = captured;
}

void
qlm_parser_capture_end(QlmParser *p)
{
	StringInfo	buf = &p->captured;
	QlmCaptured *captured = &p->open[--p->nopen];

	if (!capture_fits(p, captured->name_len))
		return;
	if (buf->len == captured->content)
	{
		buf->data[buf->len - 1] = '/';
		appendStringInfoChar(buf, '>');
		return;
	}
	enlargeStringInfo(buf, captured->name_len + 3);
	appendBinaryStringInfo(buf, "</", 2);
	appendBinaryStringInfo(buf, buf->data + captured->name,
						   captured->name_len);
	appendStringInfoChar(buf, '>');
}

void
qlm_parser_capture_text(QlmParser *p, const char *text, int len)
{
	if (capture_fits(p, len))
		qlm_xml_text_len(&p->captured, text, len);
}

char *
qlm_parser_captured(QlmParser *p, int *len)
{
	char	   *text = p->captured.data;

	*len = p->captured.len;
	while (*len > 0 && is_space(text[*len - 1]))
		(*len)--;
	text[*len] = '\0';
	p->capturing = false;
	return text;
}

int
qlm_parser_line(const QlmParser *p)
{
	if (p->reader != NULL)
		return qlm_xml_reader_line(p->reader);
	return p->json_at != NULL ? p->json_at->line : 0;
}

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
								 qlm_parser_place(p, qlm_parser_line(p)));
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
	request->error = psprintf("%s (%s)", message, qlm_parser_place(p, line));
}

const char *
qlm_parser_quote(QlmParser *p, const char *text, int len)
{
	return qlm_quote(text, len);
}
