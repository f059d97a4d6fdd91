/*
 * guesses.h
 *		Counts failed attempts, and says how long the next one must wait.
 *
 * A table of fixed size for shared memory: failed attempts, by caller and by
 * name, and proofs of earlier correct ones.  A correct attempt waits no longer
 * than others, and a proven one never waits.  No locks, allocations or errors;
 * times are microseconds.
 */
#ifndef QLM_GUESSES_H
#define QLM_GUESSES_H

#define QLM_GUESSES_SETS		512
#define QLM_GUESSES_WAYS		8
#define QLM_GUESSES_SEED		4
#define QLM_GUESSES_PAUSE_MAX 8000	/* ms */

/* What failures are counted by */
typedef enum QlmGuessKind
{
	QLM_GUESS_CLIENT,			/* credentials and names, by the caller's address */
	QLM_GUESS_NAME,				/* by the name that was tried, whoever did */
	QLM_GUESS_ID,				/* requestIDs, by the caller's address */
	QLM_GUESS_KINDS
} QlmGuessKind;

/* Proofs of both kinds do not drive out each other. */
typedef enum QlmGuessProof
{
	QLM_PROOF_CREDENTIAL,
	QLM_PROOF_CLAIM,			/* a name or requestID, of one address */
	QLM_PROOFS
} QlmGuessProof;

typedef struct QlmGuessDigest
{
	uint64		word[2];
} QlmGuessDigest;

typedef struct QlmGuessCount
{
	uint64		key;			/* 0: free */
	int64		at;
	double		failures;		/* then; they are forgotten with time */
} QlmGuessCount;

typedef struct QlmGuessProven
{
	QlmGuessDigest digest;
	int64		at;				/* last used; 0: free */
} QlmGuessProven;

typedef struct QlmGuesses
{
	uint64		seed[QLM_GUESSES_SEED];	/* random: nobody knows what shares a set */
	int64		last_failure;	/* 0: none yet */
	QlmGuessCount counts[QLM_GUESSES_SETS][QLM_GUESSES_WAYS];
	QlmGuessProven proven[QLM_PROOFS][QLM_GUESSES_SETS][QLM_GUESSES_WAYS];
} QlmGuesses;

/* Has nothing failed for so long that nobody has to wait? */
extern bool qlm_guesses_is_calm(const QlmGuesses *guard, int64 now);

/* The ms that a try must wait; who is what the kind says. */
extern int	qlm_guesses_pause(const QlmGuesses *guard, QlmGuessKind kind, uint64 who,
							int64 now);
extern void qlm_guesses_failed(QlmGuesses *guard, QlmGuessKind kind, uint64 who,
							 int n, int64 now);

extern bool qlm_guesses_is_proven(QlmGuesses *guard, QlmGuessProof kind,
								const QlmGuessDigest *digest, int64 now);
extern void qlm_guesses_prove(QlmGuesses *guard, QlmGuessProof kind,
							const QlmGuessDigest *digest, int64 now);

/* It is right no more. */
extern void qlm_guesses_disprove(QlmGuesses *guard, QlmGuessProof kind,
							   const QlmGuessDigest *digest);

#endif							/* QLM_GUESSES_H */
