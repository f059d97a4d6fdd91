/*
 * decoder.h
 *		A stream of bytes in, pieces of valid UTF-8 out, for the reader.
 */
#ifndef QLM_XML_DECODER_H
#define QLM_XML_DECODER_H

#include "xml/charset.h"

/* Takes whole characters; returns false to stop. */
typedef bool (*QlmUtf8Sink) (void *state, const char *data, int len);

typedef struct QlmDecoder
{
	QlmUtf8Sink sink;
	void	   *state;
	QlmCharset	transport;		/* as told from outside */
	QlmCharset	charset;		/* as found */
	const char *error;			/* what is wrong; NULL: the sink stopped */
	int			skipped_lines;	/* before the first character of the message */
	char	   *converted;
	int			headlen;		/* bytes kept until the charset is decided */
	int			restlen;		/* bytes of an unfinished character */
	char		rest[4];
	char		head[QLM_CHARSET_HEAD];
} QlmDecoder;

/* charset: what the transport says, perhaps quoted; NULL: nothing */
extern void qlm_decoder_init(QlmDecoder *decoder, const char *charset,
							 QlmUtf8Sink sink, void *state);
extern bool qlm_decoder_feed(QlmDecoder *decoder, const char *data, Size len);
extern bool qlm_decoder_finish(QlmDecoder *decoder);
extern void qlm_decoder_free(QlmDecoder *decoder);

#endif							/* QLM_XML_DECODER_H */
