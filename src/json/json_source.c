/*
 * json_source.c
 *		The text that JSON was read from: as UTF-8, where in it a value is, and
 *		how the value is spelt.
 *
 * The reader decodes in place, which destroys its text.  Spelling or column
 * are rarely asked for, so the text is decoded again in that case.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "json/json.h"
#include "json/json_source.h"
#include "xml/decoder.h"

static bool
collect(void *state, const char *data, int len)
{
	StringInfo	buf = state;

	if (buf->len + (Size) len > MaxAllocSize / 2)
		return false;
	appendBinaryStringInfo(buf, data, len);
	return true;
}

bool
qlm_json_decode(const QlmJsonSource *source, StringInfo buf, QlmJsonError *error)
{
	QlmDecoder	decoder;
	bool		success;

	initStringInfo(buf);
	qlm_decoder_init(&decoder, source->charset, collect, buf);
	success = qlm_decoder_feed(&decoder, source->data, source->len) &&
		qlm_decoder_finish(&decoder);
	if (!success)
	{
		error->code = decoder.error != NULL ? 400 : 413;
		error->message = decoder.error != NULL ? decoder.error :
			"The message is too long";
	}
	qlm_decoder_free(&decoder);
	return success;
}

static const char *
raw_text(QlmJsonSource *source)
{
	StringInfoData buf;
	QlmJsonError error;

	if (source->raw == NULL && qlm_json_decode(source, &buf, &error))
	{
		source->raw = buf.data;
		source->raw_len = buf.len;
	}
	return source->raw;
}

/* A container has no text by which it could be found. */
static int
offset_of(const QlmJsonSource *source, const QlmJson *json)
{
	if (!qlm_json_is_scalar(json))
		return json->len;
	return json->as.text - source->decoded - (json->kind == QLM_JSON_STRING);
}

/* Positions are usually asked for in their order, and lines may be long. */
int
qlm_json_column(QlmJsonSource *source, const QlmJson *json)
{
	const char *raw = raw_text(source);
	int			at = offset_of(source, json);

	if (raw == NULL)
		return 0;
	if (at < source->last)
		source->last = source->line_start = 0;
	for (int i = at; i > source->last; i--)
		if (raw[i - 1] == '\n')
		{
			source->line_start = i;
			break;
		}
	source->last = at;
	return at - source->line_start + 1;
}

const char *
qlm_json_spelling(QlmJsonSource *source, const QlmJson *json, int *len)
{
	const char *raw = raw_text(source);
	int			start = offset_of(source, json);
	int			depth = 0;
	bool		in_string = false;
	int			i = start;

	/* What was read before is well-formed. */
	for (; raw != NULL && i < source->raw_len; i++)
	{
		if (in_string)
		{
			in_string = raw[i] != '"';
			i += raw[i] == '\\';
		}
		else if (raw[i] == '"')
			in_string = true;
		else if (raw[i] == '{' || raw[i] == '[')
			depth++;
		else if ((raw[i] == '}' || raw[i] == ']') && --depth == 0)
			break;
	}
	*len = raw != NULL ? i + 1 - start : 0;
	return raw != NULL ? raw + start : "";
}
