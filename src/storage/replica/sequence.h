/*
 * sequence.h
 *		Sequences that are behind, because rows were replicated with their numbers.
 */
#ifndef QLM_SEQUENCE_H
#define QLM_SEQUENCE_H

#include "postgres.h"

#include "base/compat.h"

/* A hint: what to do about it */
#define QLM_ADVANCE_SEQUENCES \
	"As long as they are replicated from another node, write there. When that has ended:" \
	" SELECT * FROM qlm_advance_sequences()."

/*
 * Does the error say that a number from one of our sequences is taken?  The sender of the
 * message has not caused that.
 */
extern bool qlm_sequence_is_behind(const ErrorData *error);

/* Raise that error in words that say what to do. */
QLM_NORETURN extern void qlm_sequence_raise(const ErrorData *error);

#endif							/* QLM_SEQUENCE_H */
