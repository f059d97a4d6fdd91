/*
 * guesses.c
 *		Counts failed attempts of callers.
 *
 * Each table is an array of small sets.  If a set is full the least useful
 * entry is replaced: the smallest count, or the proof that has not been used
 * for the longest time.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"

#include "base/guesses.h"


#define USECS			1000000.0
#define FIRST_PAUSE		250		/* ms, doubled with each further failure */
#define KEPT			10		/* failures counted beyond the free ones */
#define CALM_SECONDS	600		/* after that all rules have forgotten everything */

/* The number of free failures, and the seconds after which one is forgotten */
static const struct
{
	double		free;
	double		seconds;
}			rules[QLM_GUESS_KINDS] =
{
	{5, 30},
	{20, 2},
	{20, 3}
};

static uint64
mix(const QlmGuesses *guard, int kind, uint64 who)
{
	uint64		words[2] = {guard->seed[0] ^ who, guard->seed[1] + kind};

	return hash_bytes_extended((const unsigned char *) words, sizeof(words),
							   guard->seed[2]) | 1;
}

static double
failures_now(const QlmGuessCount *count, QlmGuessKind kind, int64 now)
{
	double		forgotten = (now - count->at) / USECS / rules[kind].seconds;

	return Max(count->failures - Max(forgotten, 0), 0);
}

bool
qlm_guesses_is_calm(const QlmGuesses *guard, int64 now)
{
	return guard->last_failure == 0 ||
		now - guard->last_failure > (int64) (CALM_SECONDS * USECS);
}

int
qlm_guesses_pause(const QlmGuesses *guard, QlmGuessKind kind, uint64 who, int64 now)
{
	uint64		key = mix(guard, kind, who);
	const QlmGuessCount *set = guard->counts[key / 2 % QLM_GUESSES_SETS];

	for (int i = 0; i < QLM_GUESSES_WAYS; i++)
	{
		double		beyond;

		if (set[i].key != key)
			continue;
		beyond = ceil(failures_now(&set[i], kind, now) - rules[kind].free);
		return beyond < 1 ? 0 :
			(int) Min(ldexp(FIRST_PAUSE, (int) beyond - 1), QLM_GUESSES_PAUSE_MAX);
	}
	return 0;
}

/*
 * The kind of the replaced entry is not known, so its time counts as if it
 * were of the new kind.
 */
static QlmGuessCount *
find_count(QlmGuessCount *set, QlmGuessKind kind, uint64 key, int64 now)
{
	QlmGuessCount *least = &set[0];

	for (int i = 0; i < QLM_GUESSES_WAYS; i++)
	{
		if (set[i].key == key)
			return &set[i];
		if (set[i].key == 0 ||
			(least->key != 0 &&
			 failures_now(&set[i], kind, now) < failures_now(least, kind, now)))
			least = &set[i];
	}
	memset(least, 0, sizeof(QlmGuessCount));
	least->key = key;
	return least;
}

void
qlm_guesses_failed(QlmGuesses *guard, QlmGuessKind kind, uint64 who, int n, int64 now)
{
	uint64		key = mix(guard, kind, who);
	QlmGuessCount *count = find_count(guard->counts[key / 2 % QLM_GUESSES_SETS],
									  kind, key, now);

	count->failures = Min(failures_now(count, kind, now) + n, rules[kind].free + KEPT);
	count->at = now;
	guard->last_failure = now;
}

static QlmGuessProven *
find_proven(QlmGuesses *guard, QlmGuessProof kind, const QlmGuessDigest *digest,
			QlmGuessProven **oldest)
{
	QlmGuessProven *set = guard->proven[kind][digest->word[0] % QLM_GUESSES_SETS];

	*oldest = &set[0];
	for (int i = 0; i < QLM_GUESSES_WAYS; i++)
	{
		if (set[i].at != 0 && memcmp(&set[i].digest, digest, sizeof(QlmGuessDigest)) == 0)
			return &set[i];
		if (set[i].at < (*oldest)->at)
			*oldest = &set[i];
	}
	return NULL;
}

bool
qlm_guesses_is_proven(QlmGuesses *guard, QlmGuessProof kind,
					const QlmGuessDigest *digest, int64 now)
{
	QlmGuessProven *oldest;
	QlmGuessProven *proven = find_proven(guard, kind, digest, &oldest);

	if (proven)
		proven->at = now;
	return proven != NULL;
}

void
qlm_guesses_prove(QlmGuesses *guard, QlmGuessProof kind,
				const QlmGuessDigest *digest, int64 now)
{
	QlmGuessProven *oldest;
	QlmGuessProven *proven = find_proven(guard, kind, digest, &oldest);

	if (proven == NULL)
		proven = oldest;
	proven->digest = *digest;
	proven->at = now;
}

void
qlm_guesses_disprove(QlmGuesses *guard, QlmGuessProof kind, const QlmGuessDigest *digest)
{
	QlmGuessProven *oldest;
	QlmGuessProven *proven = find_proven(guard, kind, digest, &oldest);

	if (proven)
		proven->at = 0;
}
