/*
 * sequence.h
 *		Numbers that rows get, where rows came with theirs.
 */
#ifndef QLM_SEQUENCE_H
#define QLM_SEQUENCE_H

#include "postgres.h"

#include "base/compat.h"

/* What to do about that */
#define QLM_ADVANCE_SEQUENCES \
	"As long as they are replicated from another node, write there. When that has ended:" \
	" SELECT * FROM qlm_advance_sequences()."

/*
 * Is the error that a number from one of our sequences is taken?  Nobody who sends
 * something is to blame for that.
 */
extern bool qlm_sequence_is_behind(const ErrorData *error);

/* Raise that error in words that say what to do. */
QLM_NORETURN extern void qlm_sequence_raise(const ErrorData *error);

#endif							/* QLM_SEQUENCE_H */
