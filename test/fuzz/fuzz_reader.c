/*
 * fuzz_reader.c
 *		Any bytes into the reader, whole and in pieces: both ways must see the
 *		same, or both refuse; what is handed out must be valid UTF-8.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "xml/reader.h"

#include "shim.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static void
check_utf8(const char *text, int len)
{
	if (pg_encoding_verifymbstr(PG_UTF8, text, len) != len)
		abort();
}

static void
on_start(void *state, const QlmXmlElement *element)
{
	StringInfo	events = state;

	check_utf8(element->name, strlen(element->name));
	appendStringInfo(events, "<%s %s %s", element->name,
					 element->prefix ? element->prefix : "",
					 element->uri ? element->uri : "");
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		check_utf8(a->value, a->len);
		appendStringInfo(events, " %s=%.*s", a->name, a->len, a->value);
	}
}

static void
on_end(void *state)
{
	appendStringInfoChar(state, '>');
}

static void
on_text(void *state, const char *text, int len)
{
	check_utf8(text, len);
	appendBinaryStringInfo(state, text, len);
}

static const QlmXmlHandler handler = {on_start, on_end, on_text};

/* True if the message was accepted */
static bool
read_pieces(const uint8 *data, size_t size, size_t piece, StringInfo events)
{
	QlmXmlReader *reader = qlm_xml_reader_create(&handler, events, NULL);
	bool		good = true;

	for (size_t i = 0; i < size && good; i += piece)
	{
		/* Of the exact size, so that reading beyond it is noticed */
		size_t		n = Min(piece, size - i);
		char	   *copy = palloc(n);

		memcpy(copy, data + i, n);
		good = qlm_xml_reader_feed(reader, copy, n);
		pfree(copy);
	}
	good = good && qlm_xml_reader_finish(reader);
	if (good != (qlm_xml_reader_error(reader)->code == 0))
		abort();
	qlm_xml_reader_free(reader);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	StringInfoData whole;
	StringInfoData pieces;
	size_t		piece;
	bool		good;

	if (size < 1)
		return 0;

	/* The first byte is the size of the pieces. */
	piece = data[0] % 64 + 1;
	initStringInfo(&whole);
	initStringInfo(&pieces);
	good = read_pieces(data + 1, size - 1, size, &whole);
	if (good != read_pieces(data + 1, size - 1, piece, &pieces) ||
		(good && strcmp(whole.data, pieces.data) != 0))
	{
		fprintf(stderr, "in pieces of %zu it is not the same:\n%s\n%s\n",
				piece, whole.data, pieces.data);
		abort();
	}
	shim_reset();
	return 0;
}
