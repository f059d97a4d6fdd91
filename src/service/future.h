/*
 * future.h
 *		Values that claim to be of a time which has not come.
 */
#ifndef QLM_FUTURE_H
#define QLM_FUTURE_H

#include "message/odf.h"

/*
 * Is the time of a value further ahead than qlm.max_future?  A sentence that
 * says which one, and what its unit probably is; NULL: there is none.
 */
extern const char *qlm_future_problem(const QlmOdf *odf);

#endif							/* QLM_FUTURE_H */
