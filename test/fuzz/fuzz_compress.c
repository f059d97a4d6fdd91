/*
 * fuzz_compress.c
 *		Any bytes as compressed data, read whole and in pieces, into much room
 *		and into little: the result must be the same.  What came of it is
 *		compressed, which must give it back.
 */
#include "postgres.h"

#include "transport/coding/compress.h"

#include "check.h"
#include "shim.h"

#define LIMIT	(64 * 1024)

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

typedef struct Inflated
{
	QlmInflateResult result;
	bool		is_complete;
	char	   *data;
	Size		len;
} Inflated;

/* Inflate a piece into rooms of one size; false: no more of it. */
static bool
run(QlmInflater *inflater, const char *in, Size len, Size room_size, Inflated *to)
{
	do
	{
		Size		room = Min(room_size, LIMIT - to->len);
		char	   *start = palloc(room);
		char	   *out = start;
		Size		left = room;
		Size		len_before = len;

		to->result = qlm_inflater_run(inflater, &in, &len, &out, &left);
		check(out + left == start + room && len <= len_before, "an end is lost");
		check(to->result != QLM_INFLATE_MORE || len == 0, "input is left over");
		check(to->result != QLM_INFLATE_FULL || left == 0, "it is not full");
		memcpy(to->data + to->len, start, out - start);
		to->len += out - start;
		pfree(start);
	} while (to->result == QLM_INFLATE_FULL && to->len < LIMIT);
	return to->result == QLM_INFLATE_MORE;
}

static void
inflate_pieces(QlmCoding coding, const char *data, Size size, Size piece, Size room, Inflated *to)
{
	QlmInflater *inflater = qlm_inflater_create(CurrentMemoryContext, coding);

	*to = (Inflated) {.data = palloc(LIMIT)};
	check(inflater != NULL, "no inflater");
	for (Size i = 0; i < size; i += piece)
	{
		/* Of the exact size, so that reading beyond it is noticed */
		Size		n = Min(piece, size - i);
		char	   *copy = palloc(n);
		bool		goes_on;

		memcpy(copy, data + i, n);
		goes_on = run(inflater, copy, n, room, to);
		pfree(copy);
		if (!goes_on)
			break;
	}
	to->is_complete = qlm_inflater_is_complete(inflater);
	qlm_inflater_free(inflater);
}

static void
check_same(const Inflated *a, const Inflated *b)
{
	check(a->result == b->result && a->is_complete == b->is_complete,
		  "in pieces it ends otherwise");
	check(a->len == b->len && memcmp(a->data, b->data, a->len) == 0,
		  "in pieces it gives something else");
}

static void
check_again(const Inflated *inflated)
{
	Size		len;
	char	   *gzip = qlm_gzip(inflated->data, inflated->len, LIMIT * 2, &len);
	Inflated	again;

	check(gzip != NULL, "it is not compressed");
	inflate_pieces(QLM_CODING_GZIP, gzip, len, len, LIMIT, &again);
	check(again.is_complete || again.len == LIMIT, "what was compressed has no end");
	check(again.len == inflated->len &&
		  memcmp(again.data, inflated->data, again.len) == 0, "it is compressed wrongly");
	free(gzip);

	/* Without enough room for it there is no result. */
	gzip = qlm_gzip(inflated->data, inflated->len, len - 1, &len);
	check(gzip == NULL, "it is larger than it may be");
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	QlmCoding	coding;
	Inflated	whole;
	Inflated	pieces;

	if (size < 2)
		return 0;

	/* The first bytes are what it is, and the sizes of pieces and of rooms. */
	coding = data[0] & 1 ? QLM_CODING_GZIP : QLM_CODING_DEFLATE;
	inflate_pieces(coding, (const char *) data + 2, size - 2, size, LIMIT, &whole);
	inflate_pieces(coding, (const char *) data + 2, size - 2, data[0] / 2 + 1,
				   data[1] + 1, &pieces);
	if (whole.len < LIMIT)
		check_same(&whole, &pieces);
	check_again(&whole);
	shim_reset();
	return 0;
}
