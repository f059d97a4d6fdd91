/*
 * answer_match.c
 *		Finds the request that an answer without a requestID belongs to.
 *
 * Its data decide.  An error, or a success without data, fits any request that
 * may be answered so.  In that case the request that the peer has at the
 * moment is taken (storage/outbox/outbox_nest.c).
 */
#include "postgres.h"

#include "base/path.h"
#include "message/text/envelope_text.h"
#include "service/payload/tree.h"
#include "service/verbs/answer_match.h"
#include "storage/peer/peer.h"

#define FITS			1		/* it does not contradict the request */
#define FITS_SOME		1000	/* some of its data were asked for */
#define FITS_ALL		2000	/* all of its data were asked for */
#define MAX_SHARE		100		/* added: part of the request that is answered */
#define MAX_DEPTH		99		/* added: depth of the path */

/* If more comparisons are needed, any match is as good as another. */
#define MAX_COMPARISONS	1000000

typedef struct Comparison
{
	const char **leaves;		/* paths in the request */
	bool	   *answered;
	int			nleaves;
	int			nitems;			/* InfoItems in the answer */
	int			nasked;			/* of these, how many were asked for */
	int			depth;
} Comparison;

static void
compare_item(const char *path, QlmInfoItem *item, void *arg)
{
	Comparison *comparison = arg;
	bool		asked = false;

	comparison->nitems++;
	for (int i = 0; i < comparison->nleaves; i++)
		if (qlm_path_is_below(path, comparison->leaves[i]))
		{
			asked = comparison->answered[i] = true;
			comparison->depth = Max(comparison->depth, (int) strlen(comparison->leaves[i]));
		}
	comparison->nasked += asked;
}

static int
compare(const QlmOdf *asked, QlmOdf *brought)
{
	Comparison	comparison = {0};
	int			nanswered = 0;

	comparison.nleaves = qlm_tree_leaves(asked, &comparison.leaves);
	if ((double) comparison.nleaves * brought->nitems > MAX_COMPARISONS)
		return qlm_tree_covers(asked, brought) ? FITS_SOME : 0;
	comparison.answered = palloc0(Max(comparison.nleaves, 1) * sizeof(bool));
	qlm_tree_visit_items(brought, compare_item, &comparison);
	if (comparison.nasked == 0)
		return 0;
	for (int i = 0; i < comparison.nleaves; i++)
		nanswered += comparison.answered[i];
	return (comparison.nasked == comparison.nitems ? FITS_ALL : FITS_SOME) +
		nanswered * MAX_SHARE / comparison.nleaves + Min(comparison.depth, MAX_DEPTH);
}

static int
fit_read(const QlmRequest *asked, const QlmResult *result, bool only)
{
	if (result->odf && result->odf->nitems > 0)
		return compare(asked->odf, result->odf);

	/* A payload in an unknown format may contain anything. */
	return only || result->opaque ? FITS : 0;
}

int
qlm_answer_fit(const char *envelope, const QlmResult *result, bool only)
{
	int			error_code;
	const char *error;
	QlmEnvelope *asked;
	QlmRequest *request;

	if (result->code < 200 || result->code >= 300)
		return FITS;
	asked = qlm_envelope_parse(envelope, strlen(envelope), "UTF-8", &error_code, &error);
	if (error_code != 0 || asked->requests == NIL)
		return only ? FITS : 0;
	request = linitial(asked->requests);
	if (request->verb == QLM_READ && request->odf)
		return fit_read(request, result, only);
	if (result->odf == NULL)
		return FITS;

	/* A call is answered with its InfoItem, a poll with any data. */
	if (request->verb == QLM_CALL && request->odf)
		return compare(request->odf, result->odf);
	return request->verb == QLM_READ || (only && request->odf &&
										 qlm_tree_covers(request->odf, result->odf)) ? FITS : 0;
}
