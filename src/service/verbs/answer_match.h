/*
 * answer_match.h
 *		Whether an answer without a requestID belongs to a request.
 */
#ifndef QLM_ANSWER_MATCH_H
#define QLM_ANSWER_MATCH_H

#include "message/envelope.h"

/*
 * How well a result fits a request, as it was queued: 0: not at all; the more
 * that it brings was asked for there and nowhere else, the better.  only: no other
 * is outstanding.
 */
extern int	qlm_answer_fit(const char *envelope, const QlmResult *result, bool only);

#endif							/* QLM_ANSWER_MATCH_H */
