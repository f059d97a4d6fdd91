/*
 * decoder.c
 *		Decodes a stream of bytes into pieces of valid UTF-8, for the reader.
 *
 * UTF-8 is checked and passed on without being copied.
 */
#include "postgres.h"

#include "xml/decoder.h"

/* Bytes converted at a time */
#define SLICE (8 * 1024)

static bool
refuse_charset(QlmDecoder *decoder, const char *name, int len)
{
	decoder->error = psprintf("The character set \"%.*s\" is not supported",
							  Min(len, 40), name);
	return false;
}

static bool
refuse_bytes(QlmDecoder *decoder)
{
	decoder->error = "The message holds bytes that are no characters in its encoding";
	return false;
}

void
qlm_decoder_init(QlmDecoder *decoder, const char *charset,
				 QlmUtf8Sink sink, void *state)
{
	int			len;

	memset(decoder, 0, offsetof(QlmDecoder, head));
	decoder->sink = sink;
	decoder->state = state;
	if (charset == NULL)
		return;

	charset += strspn(charset, " \t\"'");
	len = strcspn(charset, " \t\"';");
	if (len == 0)
		return;
	decoder->transport = qlm_charset_by_name(charset, len);
	if (decoder->transport == QLM_CHARSET_UNKNOWN)
		refuse_charset(decoder, charset, len);
}

/* Passes on text that was checked. */
static bool
convert(QlmDecoder *decoder, const char *data, int len)
{
	if (len == 0)
		return true;
	if (decoder->charset == QLM_UTF8)
		return decoder->sink(decoder->state, data, len);

	if (decoder->converted == NULL)
		decoder->converted = palloc(SLICE * QLM_CHARSET_GROWTH);
	while (len > 0)
	{
		bool		valid;
		int			slice = qlm_charset_check(decoder->charset, data,
											  Min(len, SLICE), &valid);
		int			converted = qlm_charset_convert(decoder->charset, data,
													slice, decoder->converted);

		if (!decoder->sink(decoder->state, decoder->converted, converted))
			return false;
		data += slice;
		len -= slice;
	}
	return true;
}

/* Completes a character that began in the piece before, if any. */
static bool
decode_rest(QlmDecoder *decoder, const char **data, Size *len)
{
	while (decoder->restlen > 0 && *len > 0)
	{
		bool		valid;

		decoder->rest[decoder->restlen++] = *(*data)++;
		(*len)--;
		if (qlm_charset_check(decoder->charset, decoder->rest,
							  decoder->restlen, &valid) > 0)
		{
			int			restlen = decoder->restlen;

			decoder->restlen = 0;
			return convert(decoder, decoder->rest, restlen);
		}
		if (!valid)
			return refuse_bytes(decoder);
	}
	return true;
}

static bool
decode(QlmDecoder *decoder, const char *data, Size len)
{
	bool		valid;
	int			checked;

	if (!decode_rest(decoder, &data, &len))
		return false;
	if (len == 0)
		return true;
	checked = qlm_charset_check(decoder->charset, data, len, &valid);
	if (!convert(decoder, data, checked))
		return false;
	if (!valid)
		return refuse_bytes(decoder);
	decoder->restlen = len - checked;
	memcpy(decoder->rest, data + checked, decoder->restlen);
	return true;
}

/* White space before an XML declaration is a common error, so it is skipped. */
static void
skip_blanks(QlmDecoder *decoder, const char **data, Size *len)
{
	while (*len > 0 && (**data == ' ' || **data == '\t' ||
						**data == '\r' || **data == '\n'))
	{
		decoder->skipped_lines += (**data == '\n');
		(*data)++;
		(*len)--;
	}
}

/* Determines the charset and decodes, once there are enough bytes. */
static bool
decode_head(QlmDecoder *decoder, const char *data, Size len, bool complete)
{
	const char *name;
	int			name_len;
	int			mark;
	QlmCharset	charset;

	charset = qlm_charset_detect(data, Min(len, QLM_CHARSET_HEAD), complete,
								 decoder->transport, &mark, &name, &name_len);
	if (charset == QLM_CHARSET_UNKNOWN)
		return refuse_charset(decoder, name, name_len);
	decoder->charset = charset;
	if (charset == QLM_CHARSET_UNDECIDED)
		return true;
	return decode(decoder, data + mark, len - mark);
}

static bool
feed_head(QlmDecoder *decoder, const char *data, Size len)
{
	Size		taken;

	if (decoder->headlen == 0)
	{
		skip_blanks(decoder, &data, &len);
		if (!decode_head(decoder, data, len, false))
			return false;
		if (decoder->charset != QLM_CHARSET_UNDECIDED)
			return true;
	}

	taken = Min(len, QLM_CHARSET_HEAD - decoder->headlen);
	memcpy(decoder->head + decoder->headlen, data, taken);
	decoder->headlen += taken;
	if (!decode_head(decoder, decoder->head, decoder->headlen, false))
		return false;
	return decoder->charset == QLM_CHARSET_UNDECIDED ||
		decode(decoder, data + taken, len - taken);
}

bool
qlm_decoder_feed(QlmDecoder *decoder, const char *data, Size len)
{
	if (decoder->error != NULL)
		return false;
	if (decoder->charset == QLM_CHARSET_UNDECIDED)
		return feed_head(decoder, data, len);
	return decode(decoder, data, len);
}

bool
qlm_decoder_finish(QlmDecoder *decoder)
{
	if (decoder->error != NULL)
		return false;
	if (decoder->charset == QLM_CHARSET_UNDECIDED &&
		!decode_head(decoder, decoder->head, decoder->headlen, true))
		return false;
	return decoder->restlen == 0 || refuse_bytes(decoder);
}

void
qlm_decoder_free(QlmDecoder *decoder)
{
	if (decoder->converted)
		pfree(decoder->converted);
}
