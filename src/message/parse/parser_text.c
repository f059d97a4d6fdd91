/*
 * parser_text.c
 *		Strings of the parser, and the stack of open elements whose text is
 *		collected.
 *
 * Text is copied once, from libxml2's buffer to the end of a block where it
 * stays.  A block holds the strings of many elements.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "message/parse/parser_text.h"
#include "message/parse/position.h"
#include "message/parse/refuse.h"

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
