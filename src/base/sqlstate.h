/*
 * sqlstate.h
 *		Errors of the database, in the protocol's codes.
 */
#ifndef QLM_SQLSTATE_H
#define QLM_SQLSTATE_H

/*
 * Whose fault is it?  The caller's: 400, 403 or 413, and the same again will
 * get the same answer.  This node's, and another try would not help: 500.
 * This node's, and it passes, by itself or since somebody sees to it: 503.
 *
 * where: the source file that raised it, NULL: not known.  It tells what a
 * caller sent too much of from what the server has no more of, and both from
 * what a function says.
 */
extern int	qlm_sqlstate_code(int sqlstate, const char *where);

/*
 * Has a function in a procedural language said so?  It may say anything, and where
 * it is not that of who waits for it, that is no matter of his.
 */
extern bool qlm_sqlstate_is_said(const char *where);

/* For want of something in the server itself, whoever has asked for what? */
extern bool qlm_sqlstate_is_shortage(int sqlstate, const char *where);

#endif							/* QLM_SQLSTATE_H */
