/*
 * compress.h
 *		gzip and deflate, both ways; the only place that knows zlib.  Nothing
 *		here raises an error.
 */
#ifndef QLM_COMPRESS_H
#define QLM_COMPRESS_H

#include "postgres.h"

typedef enum QlmCoding
{
	QLM_CODING_NONE,
	QLM_CODING_GZIP,
	QLM_CODING_DEFLATE,
	QLM_CODING_UNKNOWN
} QlmCoding;

/* The value of a Content-Encoding header */
extern QlmCoding qlm_coding_of(const char *value);

typedef struct QlmInflater QlmInflater;

typedef enum QlmInflateResult
{
	QLM_INFLATE_MORE,			/* all of the input is used */
	QLM_INFLATE_FULL,			/* the output is full, call again */
	QLM_INFLATE_BAD,			/* no such data */
	QLM_INFLATE_NO_MEMORY
} QlmInflateResult;

/* NULL: no memory.  It holds some 45 kB of the context until it is freed. */
extern QlmInflater *qlm_inflater_create(MemoryContext context, QlmCoding coding);

/* Decompress; both ends are moved on by what was used of them. */
extern QlmInflateResult qlm_inflater_run(QlmInflater *inflater,
										 const char **in, Size *in_len,
										 char **out, Size *out_len);

/* Has the data come to its end? */
extern bool qlm_inflater_is_complete(const QlmInflater *inflater);
extern void qlm_inflater_free(QlmInflater *inflater);

/*
 * Compress fast.  The result is malloc'd; NULL where it would be larger than
 * max_len, or there is no memory.
 */
extern char *qlm_gzip(const char *data, Size len, Size max_len, Size *gzip_len);

#endif							/* QLM_COMPRESS_H */
