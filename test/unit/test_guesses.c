/*
 * test_guesses.c
 *		How long guesses have to wait, and what was proven.
 */
#include "postgres.h"


#include "tap.h"

#include "base/guesses.h"

#define SECOND	INT64CONST(1000000)
#define START	(1000 * SECOND)

static QlmGuesses guard;

static void
reset(void)
{
	memset(&guard, 0, sizeof(guard));
	for (int i = 0; i < QLM_GUESSES_SEED; i++)
		guard.seed[i] = UINT64CONST(0x9e3779b97f4a7c15) * (i + 1);
}

static int
pause_of(QlmGuessKind kind, uint64 who, int64 now)
{
	return qlm_guesses_pause(&guard, kind, who, now);
}

static void
test_pauses(void)
{
	static const int pauses[] = {0, 0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000};

	reset();
	tap_ok(qlm_guesses_is_calm(&guard, START), "nothing has happened");
	for (int i = 0; i < lengthof(pauses); i++)
	{
		tap_ok(pause_of(QLM_GUESS_CLIENT, 7, START) == pauses[i], "after %d failures %d ms", i, pauses[i]);
		qlm_guesses_failed(&guard, QLM_GUESS_CLIENT, 7, 1, START);
	}
	tap_ok(!qlm_guesses_is_calm(&guard, START), "something has");
	tap_ok(pause_of(QLM_GUESS_CLIENT, 8, START) == 0, "another caller does not wait");
	tap_ok(pause_of(QLM_GUESS_ID, 7, START) == 0, "nor does it wait for another reason");
	tap_ok(pause_of(QLM_GUESS_CLIENT, 7, START - SECOND) == QLM_GUESSES_PAUSE_MAX, "a clock that goes back forgets nothing");
	qlm_guesses_failed(&guard, QLM_GUESS_CLIENT, 7, 1000000, START);
	tap_ok(pause_of(QLM_GUESS_CLIENT, 7, START + 301 * SECOND) == 0, "it is forgotten in five minutes, however many they were");
	tap_ok(qlm_guesses_is_calm(&guard, START + 601 * SECOND), "and then all is calm");
	qlm_guesses_failed(&guard, QLM_GUESS_NAME, 7, 20, START);
	tap_ok(pause_of(QLM_GUESS_NAME, 7, START) == 0, "a name may fail more often");
	qlm_guesses_failed(&guard, QLM_GUESS_NAME, 7, 2, START);
	tap_ok(pause_of(QLM_GUESS_NAME, 7, START) == 500, "until it is too often");
	tap_ok(pause_of(QLM_GUESS_NAME, 7, START + 4 * SECOND) == 0, "and is forgotten soon");
}

/* Many others do not drive out who fails most. */
static void
test_crowd(void)
{
	reset();
	qlm_guesses_failed(&guard, QLM_GUESS_CLIENT, 7, 12, START);
	for (uint64 who = 100; who < 100 + 3 * QLM_GUESSES_SETS * QLM_GUESSES_WAYS; who++)
		qlm_guesses_failed(&guard, QLM_GUESS_CLIENT, who, 1, START);
	tap_ok(pause_of(QLM_GUESS_CLIENT, 7, START) == QLM_GUESSES_PAUSE_MAX, "among a crowd");
}

static void
test_proofs(void)
{
	QlmGuessDigest one = {{1, 2}};
	QlmGuessDigest two = {{1, 3}};
	QlmGuessDigest other = {{1, 0}};

	reset();
	tap_ok(!qlm_guesses_is_proven(&guard, QLM_PROOF_CREDENTIAL, &one, START), "not proven");
	qlm_guesses_prove(&guard, QLM_PROOF_CREDENTIAL, &one, START);
	tap_ok(qlm_guesses_is_proven(&guard, QLM_PROOF_CREDENTIAL, &one, START), "proven");
	tap_ok(!qlm_guesses_is_proven(&guard, QLM_PROOF_CREDENTIAL, &two, START), "but no other");
	tap_ok(!qlm_guesses_is_proven(&guard, QLM_PROOF_CLAIM, &one, START), "and not for something else");
	for (int i = 0; i < QLM_GUESSES_WAYS - 1; i++)
	{
		other.word[1] = 100 + i;
		qlm_guesses_prove(&guard, QLM_PROOF_CREDENTIAL, &other, START + 1 + i);
	}
	tap_ok(qlm_guesses_is_proven(&guard, QLM_PROOF_CREDENTIAL, &one, START + 50), "still, as it is used");
	qlm_guesses_prove(&guard, QLM_PROOF_CREDENTIAL, &two, START + 60);
	tap_ok(qlm_guesses_is_proven(&guard, QLM_PROOF_CREDENTIAL, &one, START + 70), "the one unused for longest goes");
	qlm_guesses_disprove(&guard, QLM_PROOF_CREDENTIAL, &one);
	tap_ok(!qlm_guesses_is_proven(&guard, QLM_PROOF_CREDENTIAL, &one, START + 80), "not any more");
	tap_ok(qlm_guesses_is_proven(&guard, QLM_PROOF_CREDENTIAL, &two, START + 80), "others are");
}

int
main(void)
{
	test_pauses();
	test_crowd();
	test_proofs();
	return tap_done();
}
