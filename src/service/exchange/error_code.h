/*
 * error_code.h
 *		What the database refused, in the protocol's codes.
 */
#ifndef QLM_ERROR_CODE_H
#define QLM_ERROR_CODE_H

/* The code, and a description that is not too long; what is 500 and more is logged. */
extern int	qlm_error_code(const ErrorData *error, const char **description);

#endif							/* QLM_ERROR_CODE_H */
