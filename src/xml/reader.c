/*
 * reader.c
 *		A push parser for hostile XML: feeds bytes to libxml2, which calls
 *		sax.c.
 *
 * Nothing may raise an error while libxml2 is on the stack, except that memory
 * may run out in a handler.  The context is freed with the reader in that
 * case.
 */
#include "postgres.h"

#include "base/limits.h"
#include "xml/failure.h"
#include "xml/reader.h"
#include "xml/reader_state.h"
#include "xml/sax.h"

/* Bytes given to libxml2 at a time; it copies them. */
#define SLICE			(32 * 1024)

/* A parser context that has grown beyond this is not reused. */
#define KEEP_BYTES		(64 * 1024)
#define KEEP_NAMES		1000
#define KEEP_NAME_BYTES	(256 * 1024)

/*
 * A clean context for the next reader: creating one takes a fifth of the time
 * for a small envelope.
 */
static xmlParserCtxtPtr spare_parser = NULL;

static xmlParserCtxtPtr
create_parser(QlmXmlReader *reader)
{
	xmlParserCtxtPtr parser = spare_parser;

	spare_parser = NULL;
	if (parser != NULL)
	{
		parser->userData = reader;
		if (xmlCtxtResetPush(parser, NULL, 0, NULL, NULL) != 0)
		{
			xmlFreeParserCtxt(parser);
			parser = NULL;
		}
	}
	if (parser == NULL)
		parser = xmlCreatePushParserCtxt(&qlm_xml_sax, reader, NULL, 0, NULL);
	if (parser == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("The XML parser could not be created.")));

	/* libxml2 gets UTF-8, whatever the declaration says. */
	xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	return parser;
}

/*
 * libxml2 2.9 needs quadratic time here, before a handler could stop it: it
 * parses a start tag only when it is complete, and compares each attribute
 * with all others.  And its table of names stops growing.
 */
static void
check_growth(QlmXmlReader *reader)
{
	const char *pos = (const char *) reader->parser->input->cur;
	const char *end = (const char *) reader->parser->input->end;

	if (end - pos > QLM_MAX_TAG_SIZE &&
		pos[0] == '<' && pos[1] != '!' && pos[1] != '?')
		qlm_xml_reader_fail(reader, 413, "A tag is longer than %d bytes",
							QLM_MAX_TAG_SIZE);
	if (xmlDictSize(reader->parser->dict) - reader->old_names > QLM_MAX_XML_NAMES)
		qlm_xml_reader_fail(reader, 413,
							"The message has more than %d different names of elements and attributes",
							QLM_MAX_XML_NAMES);
}

/* Parses what the decoder passes on: whole characters of valid UTF-8. */
static bool
parse_utf8(void *state, const char *data, int len)
{
	QlmXmlReader *reader = state;

	while (len > 0 && reader->error.code == 0)
	{
		int			slice = Min(len, SLICE);

		while (slice < len && (data[slice] & 0xC0) == 0x80)
			slice--;
		xmlParseChunk(reader->parser, data, slice, 0);
		if (reader->error.code == 0)
			check_growth(reader);
		data += slice;
		len -= slice;
	}
	return reader->error.code == 0;
}

QlmXmlReader *
qlm_xml_reader_create(const QlmXmlHandler *handler, void *state,
					  const char *charset)
{
	QlmXmlReader *reader = palloc(sizeof(QlmXmlReader));

	memset(reader, 0, offsetof(QlmXmlReader, decoder));
	reader->handler = handler;
	reader->state = state;
	qlm_decoder_init(&reader->decoder, charset, parse_utf8, reader);
	reader->max_depth = qlm_max_depth;
	reader->namespaces = palloc(qlm_max_depth);
	reader->parser = create_parser(reader);
	reader->old_names = xmlDictSize(reader->parser->dict);
	return reader;
}

/* Does what had to wait until libxml2 has returned. */
static bool
settle(QlmXmlReader *reader)
{
	if (reader->out_of_memory)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("The XML parser could not allocate memory.")));
	if (reader->error.code == 0)
		return true;
	if (reader->error.message == reader->text)
		reader->error.message = pstrdup(reader->text);
	return false;
}

/*
 * Sets an error of the decoder.  Its position is after all text that was
 * parsed.
 */
static void
fail_decoding(QlmXmlReader *reader)
{
	xmlParserInputPtr input = reader->parser->input;

	if (reader->decoder.error == NULL)
		return;
	for (const xmlChar *p = input->cur; p < input->end; p++)
	{
		input->col++;
		if (*p == '\n')
		{
			input->line++;
			input->col = 1;
		}
	}
	qlm_xml_reader_fail(reader, 400, "%s", reader->decoder.error);
}

bool
qlm_xml_reader_feed(QlmXmlReader *reader, const char *data, Size len)
{
	if (reader->error.code != 0)
		return settle(reader);

	if (len > (Size) qlm_max_message_size - reader->total)
	{
		qlm_xml_reader_fail(reader, 413,
							"The message is larger than %d bytes",
							qlm_max_message_size);
		return settle(reader);
	}
	reader->total += len;
	if (!qlm_decoder_feed(&reader->decoder, data, len))
		fail_decoding(reader);
	return settle(reader);
}

bool
qlm_xml_reader_finish(QlmXmlReader *reader)
{
	if (reader->error.code == 0 && !qlm_decoder_finish(&reader->decoder))
		fail_decoding(reader);
	if (reader->error.code == 0 && reader->total == 0)
		qlm_xml_reader_fail(reader, 400, "The message is empty");
	if (reader->error.code == 0)
	{
		reader->finishing = true;
		xmlParseChunk(reader->parser, NULL, 0, 1);
	}
	if (reader->error.code == 0 &&
		(!reader->parser->wellFormed || !reader->seen_root))
		qlm_xml_reader_fail(reader, 400, "The message is not well-formed XML");
	reader->finished = (reader->error.code == 0);
	return settle(reader);
}

const QlmXmlError *
qlm_xml_reader_error(const QlmXmlReader *reader)
{
	return &reader->error;
}

void
qlm_xml_reader_free(QlmXmlReader *reader)
{
	xmlParserCtxtPtr parser = reader->parser;

	if (reader->finished && spare_parser == NULL &&
		reader->total <= KEEP_BYTES &&
		xmlDictSize(parser->dict) <= KEEP_NAMES &&
		xmlDictGetUsage(parser->dict) <= KEEP_NAME_BYTES)
		spare_parser = parser;
	else
	{
		xmlFreeDoc(parser->myDoc);
		parser->myDoc = NULL;
		xmlFreeParserCtxt(parser);
	}
	qlm_decoder_free(&reader->decoder);
	pfree(reader->namespaces);
	pfree(reader);
}
