/*
 * datetime_problem.h
 *		Why a text is no time.
 */
#ifndef QLM_DATETIME_PROBLEM_H
#define QLM_DATETIME_PROBLEM_H

/*
 * Why a text is no time: "which is ...", and what form is wanted.  A number may
 * be out of range only because it counts another unit.
 */
extern const char *qlm_datetime_problem(const char *text, int len);
extern const char *qlm_unixtime_problem(const char *text, int len);

#endif							/* QLM_DATETIME_PROBLEM_H */
