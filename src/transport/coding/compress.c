/*
 * compress.c
 *		Compression and decompression by gzip and deflate.
 */
#include "postgres.h"

#include <zlib.h>

#include "utils/memutils.h"

#include "transport/coding/compress.h"

#define GZIP_BITS		(15 + 16)
#define ZLIB_BITS		15
#define RAW_BITS		(-15)

struct QlmInflater
{
	MemoryContext context;
	QlmCoding	coding;
	bool		is_started;
	bool		at_end;			/* of a member */
	z_stream	stream;
};

QlmCoding
qlm_coding_of(const char *value)
{
	if (pg_strcasecmp(value, "identity") == 0 || value[0] == '\0')
		return QLM_CODING_NONE;
	if (pg_strcasecmp(value, "gzip") == 0 || pg_strcasecmp(value, "x-gzip") == 0)
		return QLM_CODING_GZIP;
	if (pg_strcasecmp(value, "deflate") == 0)
		return QLM_CODING_DEFLATE;
	return QLM_CODING_UNKNOWN;
}

static voidpf
allocate(voidpf context, uInt items, uInt size)
{
	return MemoryContextAllocExtended(context, (Size) items * size,
									  MCXT_ALLOC_NO_OOM);
}

static void
release(voidpf context, voidpf data)
{
	pfree(data);
}

QlmInflater *
qlm_inflater_create(MemoryContext context, QlmCoding coding)
{
	QlmInflater *inflater;

	inflater = MemoryContextAllocExtended(context, sizeof(QlmInflater),
										  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
	if (inflater == NULL)
		return NULL;
	inflater->context = context;
	inflater->coding = coding;
	inflater->stream.zalloc = allocate;
	inflater->stream.zfree = release;
	inflater->stream.opaque = context;
	return inflater;
}

/*
 * "deflate" means the zlib format, but many clients send raw deflate data.
 * The first byte shows which.
 */
static int
window_bits(QlmCoding coding, unsigned char first)
{
	if (coding == QLM_CODING_GZIP)
		return GZIP_BITS;
	return (first & 0x0f) == Z_DEFLATED && first >> 4 <= 7 ? ZLIB_BITS : RAW_BITS;
}

/* gzip data may have several members, one after the other. */
static bool
begin_member(QlmInflater *inflater)
{
	if (!inflater->is_started)
	{
		int			bits = window_bits(inflater->coding, *inflater->stream.next_in);

		inflater->is_started = inflateInit2(&inflater->stream, bits) == Z_OK;
		return inflater->is_started;
	}
	inflater->at_end = false;
	return inflateReset(&inflater->stream) == Z_OK;
}

static QlmInflateResult
inflate_member(QlmInflater *inflater)
{
	z_stream   *stream = &inflater->stream;

	if ((!inflater->is_started || inflater->at_end) && !begin_member(inflater))
		return QLM_INFLATE_NO_MEMORY;
	switch (inflate(stream, Z_NO_FLUSH))
	{
		case Z_STREAM_END:
			inflater->at_end = true;
			break;
		case Z_OK:
		case Z_BUF_ERROR:		/* no progress without more input or output */
			break;
		case Z_MEM_ERROR:
			return QLM_INFLATE_NO_MEMORY;
		default:
			return QLM_INFLATE_BAD;
	}
	if (!inflater->at_end && stream->avail_out == 0)
		return QLM_INFLATE_FULL;
	return QLM_INFLATE_MORE;
}

QlmInflateResult
qlm_inflater_run(QlmInflater *inflater, const char **in, Size *in_len,
				 char **out, Size *out_len)
{
	z_stream   *stream = &inflater->stream;
	QlmInflateResult result = QLM_INFLATE_MORE;

	if (!inflater->is_started && *in_len == 0)
		return QLM_INFLATE_MORE;
	stream->next_in = (Bytef *) *in;
	stream->avail_in = (uInt) Min(*in_len, PG_INT32_MAX);
	stream->next_out = (Bytef *) *out;
	stream->avail_out = (uInt) Min(*out_len, PG_INT32_MAX);
	do
	{
		if (inflater->at_end && stream->avail_in > 0 &&
			inflater->coding != QLM_CODING_GZIP)
			result = QLM_INFLATE_BAD;
		else if (stream->avail_in > 0 || !inflater->at_end)
			result = inflate_member(inflater);
	} while (result == QLM_INFLATE_MORE && stream->avail_in > 0);
	*in_len -= (const char *) stream->next_in - *in;
	*in = (const char *) stream->next_in;
	*out_len -= (char *) stream->next_out - *out;
	*out = (char *) stream->next_out;
	return result;
}

bool
qlm_inflater_is_complete(const QlmInflater *inflater)
{
	return inflater->at_end;
}

void
qlm_inflater_free(QlmInflater *inflater)
{
	if (inflater->is_started)
		inflateEnd(&inflater->stream);
	pfree(inflater);
}

/* One for the process, which compresses one answer at a time */
static z_stream *
fresh_deflater(void)
{
	static z_stream stream;
	static bool is_started = false;

	if (is_started)
		return deflateReset(&stream) == Z_OK ? &stream : NULL;
	is_started = deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_BITS, 8,
							  Z_DEFAULT_STRATEGY) == Z_OK;
	return is_started ? &stream : NULL;
}

/* Enlarges the output.  Returns false at the limit, or without memory. */
static bool
enlarge(char **data, Size *size, Size max_len)
{
	Size		larger = Min(*size * 2, max_len);
	char	   *moved;

	if (larger <= *size)
		return false;
	moved = realloc(*data, larger);
	if (moved == NULL)
		return false;
	*data = moved;
	*size = larger;
	return true;
}

static char *
shrink(char *data, Size len)
{
	char	   *moved = realloc(data, len);

	return moved ? moved : data;
}

char *
qlm_gzip(const char *data, Size len, Size max_len, Size *gzip_len)
{
	z_stream   *stream = fresh_deflater();
	Size		size = Min(Max(len / 8, 1024), max_len);
	char	   *out;
	Size		used = 0;
	int			result;

	if (stream == NULL || len > PG_UINT32_MAX || max_len == 0 ||
		(out = malloc(size)) == NULL)
		return NULL;
	stream->next_in = (Bytef *) data;
	stream->avail_in = (uInt) len;
	do
	{
		if (used == size && !enlarge(&out, &size, max_len))
		{
			free(out);
			return NULL;
		}
		stream->next_out = (Bytef *) out + used;
		stream->avail_out = (uInt) Min(size - used, PG_INT32_MAX);
		result = deflate(stream, Z_FINISH);
		used = (char *) stream->next_out - out;
	} while (result == Z_OK || result == Z_BUF_ERROR);
	if (result != Z_STREAM_END)
	{
		free(out);
		return NULL;
	}
	*gzip_len = used;
	return shrink(out, used);
}
