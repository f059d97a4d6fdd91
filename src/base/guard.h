/*
 * guard.h
 *		Who has guessed how often, and so must wait before the next try counts.
 *
 * A table of fixed size, made to lie in shared memory: tries that failed, by
 * what tried or was tried, and proofs of what was right before.  Whoever is
 * right waits no longer than everybody else, and what was proven never waits.
 * Without locks, allocations and errors; times are microseconds.
 */
#ifndef QLM_GUARD_H
#define QLM_GUARD_H

#define QLM_GUARD_SETS		512
#define QLM_GUARD_WAYS		8
#define QLM_GUARD_SEED		4
#define QLM_GUARD_PAUSE_MAX 8000	/* ms */

/* What failures are counted by */
typedef enum QlmGuardKind
{
	QLM_GUARD_CLIENT,			/* credentials and names, by the caller's address */
	QLM_GUARD_NAME,				/* by the name that was tried, whoever did */
	QLM_GUARD_ID,				/* requestIDs, by the caller's address */
	QLM_GUARD_KINDS
} QlmGuardKind;

/* Proofs of both kinds do not drive out each other. */
typedef enum QlmGuardProof
{
	QLM_PROOF_CREDENTIAL,
	QLM_PROOF_CLAIM,			/* a name or requestID, of one address */
	QLM_GUARD_PROOFS
} QlmGuardProof;

typedef struct QlmGuardDigest
{
	uint64		word[2];
} QlmGuardDigest;

typedef struct QlmGuardCount
{
	uint64		key;			/* 0: free */
	int64		at;
	double		failures;		/* then; they are forgotten with time */
} QlmGuardCount;

typedef struct QlmGuardProven
{
	QlmGuardDigest digest;
	int64		at;				/* last used; 0: free */
} QlmGuardProven;

typedef struct QlmGuard
{
	uint64		seed[QLM_GUARD_SEED];	/* random: nobody knows what shares a set */
	int64		last_failure;	/* 0: none yet */
	QlmGuardCount counts[QLM_GUARD_SETS][QLM_GUARD_WAYS];
	QlmGuardProven proven[QLM_GUARD_PROOFS][QLM_GUARD_SETS][QLM_GUARD_WAYS];
} QlmGuard;

/* Has nothing failed for so long that nobody has to wait? */
extern bool qlm_guard_is_calm(const QlmGuard *guard, int64 now);

/* The ms that a try must wait; who is what the kind says. */
extern int	qlm_guard_pause(const QlmGuard *guard, QlmGuardKind kind, uint64 who,
							int64 now);
extern void qlm_guard_failed(QlmGuard *guard, QlmGuardKind kind, uint64 who,
							 int n, int64 now);

extern bool qlm_guard_is_proven(QlmGuard *guard, QlmGuardProof kind,
								const QlmGuardDigest *digest, int64 now);
extern void qlm_guard_prove(QlmGuard *guard, QlmGuardProof kind,
							const QlmGuardDigest *digest, int64 now);

/* It is right no more. */
extern void qlm_guard_disprove(QlmGuard *guard, QlmGuardProof kind,
							   const QlmGuardDigest *digest);

#endif							/* QLM_GUARD_H */
