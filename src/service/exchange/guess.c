/*
 * guess.c
 *		Slows down callers that guess credentials, names and requestIDs.
 *
 * An attempt waits before it is checked: if only wrong attempts were answered
 * late, a missing answer would reveal them.  The delay depends on the address
 * and on the name that is tried, so it does not help to use many addresses.
 * Nobody is locked out by the mistakes of others: a correct attempt waits
 * once, at most as long as all others, and one that was correct before does
 * not wait.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/guesses.h"
#include "process/shared_guesses.h"
#include "service/exchange/guess.h"
#include "storage/peer/credential.h"

/* Lines in the log: a burst of so many, then one in so many ms */
#define LOG_BURST		20
#define LOG_MS			500

/* Unknown requestIDs that are looked up for one message */
#define MAX_UNKNOWN		100

static int	log_room = LOG_BURST;
static TimestampTz log_filled = 0;
static int64 log_left_out = 0;

/* SQL sessions have rights of their own, and need not guess. */
static bool
is_watched(const QlmExchange *exchange)
{
	return exchange->job->client != NULL;
}

static uint64
client_key(const QlmExchange *exchange)
{
	return qlm_client_address_key(exchange->job->client);
}

/*
 * Unknown names have a key, too: they must not be told apart from known ones.
 */
static uint64
name_key(const char *name)
{
	return name ? hash_bytes_extended((const unsigned char *) name, strlen(name), 0) : 0;
}

/* A digest with a secret seed, so that only who knows the text can make it */
static void
get_digest(const QlmExchange *exchange, const char *text, bool of_address, QlmGuessDigest *digest)
{
	uint64		whose[2] = {MyDatabaseId, of_address ? client_key(exchange) : 0};
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	const QlmGuesses *guard = qlm_shared_guesses_lock(LW_SHARED);
	pg_cryptohash_ctx *context;
	bool		ok;

	qlm_shared_guesses_unlock();				/* the seed does not change */
	context = pg_cryptohash_create(PG_SHA256);
	ok = context != NULL && pg_cryptohash_init(context) == 0 &&
		pg_cryptohash_update(context, (const uint8 *) guard->seed, sizeof(guard->seed)) == 0 &&
		pg_cryptohash_update(context, (const uint8 *) whose, sizeof(whose)) == 0 &&
		pg_cryptohash_update(context, (const uint8 *) text, strlen(text)) == 0 &&
		pg_cryptohash_final(context, hash, sizeof(hash)) == 0;
	pg_cryptohash_free(context);
	if (!ok)
		elog(ERROR, "could not compute SHA-256");
	memcpy(digest, hash, sizeof(QlmGuessDigest));
}

static bool
is_proven(QlmGuessProof kind, const QlmGuessDigest *digest)
{
	bool		proven = qlm_guesses_is_proven(qlm_shared_guesses_lock(LW_EXCLUSIVE), kind, digest,
											 GetCurrentTimestamp());

	qlm_shared_guesses_unlock();
	return proven;
}

static void
prove(QlmGuessProof kind, const QlmGuessDigest *digest)
{
	qlm_guesses_prove(qlm_shared_guesses_lock(LW_EXCLUSIVE), kind, digest, GetCurrentTimestamp());
	qlm_shared_guesses_unlock();
}

/* Returns the ms that an attempt has to wait, or 0 if it has waited. */
static int
pause_of(const QlmExchange *exchange, QlmGuessKind kind, const uint64 *name)
{
	TimestampTz now = GetCurrentTimestamp();
	const QlmGuesses *guard;
	int			ms;

	if (!is_watched(exchange) || exchange->job->has_waited || qlm_shared_guesses_are_calm(now))
		return 0;
	guard = qlm_shared_guesses_lock(LW_SHARED);
	ms = qlm_guesses_pause(guard, kind, client_key(exchange), now);
	if (name)
		ms = Max(ms, qlm_guesses_pause(guard, QLM_GUESS_NAME, *name, now));
	qlm_shared_guesses_unlock();
	return ms;
}

static void
put_off(QlmExchange *exchange, int ms)
{
	exchange->job->pause_ms = ms;
	exchange->phase = QLM_PHASE_LEFT_OUT;
}

static bool
waits_unless_proven(QlmExchange *exchange, int ms, QlmGuessProof kind, const char *text,
					bool of_address)
{
	QlmGuessDigest digest;

	if (ms == 0)
		return false;
	get_digest(exchange, text, of_address, &digest);
	if (is_proven(kind, &digest))
		return false;
	put_off(exchange, ms);
	return true;
}

static void
count_failure(const QlmExchange *exchange, QlmGuessKind kind, const uint64 *name)
{
	TimestampTz now = GetCurrentTimestamp();
	QlmGuesses *guard = qlm_shared_guesses_lock(LW_EXCLUSIVE);

	exchange->job->was_wrong = true;
	qlm_guesses_failed(guard, kind, client_key(exchange), 1, now);
	if (name)
		qlm_guesses_failed(guard, QLM_GUESS_NAME, *name, 1, now);
	qlm_shared_guesses_unlock();
}

/* Limits the rate of log lines, so that guessers cannot fill the disk. */
static bool
may_log(void)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		more = (now - log_filled) / (LOG_MS * 1000);

	if (more > 0)
	{
		log_room = (int) Min(log_room + more, LOG_BURST);
		log_filled = now;
	}
	if (log_room == 0)
	{
		log_left_out++;
		return false;
	}
	log_room--;
	return true;
}

/*
 * The format of the line is documented, since programs read it.  Only names of
 * existing peers are logged: other names may be secrets in the wrong place, or
 * contain forged log lines.
 */
static void
log_failure(const QlmExchange *exchange, const char *what, const char *peer)
{
	char		address[QLM_CLIENT_ADDRESS_SIZE];

	if (!may_log())
		return;
	if (log_left_out > 0)
		ereport(LOG,
				(errmsg("qlm refused callers " INT64_FORMAT " more times", log_left_out),
				 errhidestmt(true), errhidecontext(true)));
	log_left_out = 0;
	ereport(LOG,
			(errmsg("qlm refused %s: %s%s%s%s",
					qlm_client_address_text(exchange->job->client, address), what,
					peer ? " for peer \"" : "", peer ? peer : "", peer ? "\"" : ""),
			 errhidestmt(true), errhidecontext(true)));
}

void
qlm_guess_has_no_role(QlmExchange *exchange, const char *peer)
{
	if (exchange->job->client)
		log_failure(exchange, "no role", peer);
	qlm_exchange_refuse(exchange, 403, 403,
						psprintf("peer \"%s\" has no role here any more: an administrator must give it one",
								 peer));
}

void
qlm_guess_refuse(QlmExchange *exchange)
{
	qlm_exchange_refuse(exchange, 401, 401,
						"who is calling is not known here: the name or the credential is missing or wrong");
}

/* Returns the name in the credential or in the URL, or NULL. */
static const char *
name_of(const QlmExchange *exchange, const char *authorization)
{
	char	   *user = NULL;
	char	   *secret;

	if (authorization && qlm_credential_split(authorization, &user, &secret) && user)
		return user;
	return exchange->job->peer_name;
}

static const char *
known_peer(const char *name)
{
	return name && qlm_peer_by_name(name) ? name : NULL;
}

bool
qlm_guess_credential_waits(QlmExchange *exchange, const char *authorization)
{
	uint64		name = name_key(name_of(exchange, authorization));

	return waits_unless_proven(exchange, pause_of(exchange, QLM_GUESS_CLIENT, &name),
							   QLM_PROOF_CREDENTIAL, authorization, false);
}

void
qlm_guess_credential_fits(const QlmExchange *exchange, const char *authorization)
{
	QlmGuessDigest digest;

	if (!is_watched(exchange))
		return;
	get_digest(exchange, authorization, false, &digest);
	prove(QLM_PROOF_CREDENTIAL, &digest);
}

void
qlm_guess_credential_fails(QlmExchange *exchange, const char *authorization)
{
	const char *name = name_of(exchange, authorization);
	uint64		key = name_key(name);
	QlmGuessDigest digest;

	qlm_guess_refuse(exchange);
	if (!is_watched(exchange))
		return;
	get_digest(exchange, authorization, false, &digest);
	qlm_guesses_disprove(qlm_shared_guesses_lock(LW_EXCLUSIVE), QLM_PROOF_CREDENTIAL, &digest);
	qlm_shared_guesses_unlock();
	count_failure(exchange, QLM_GUESS_CLIENT, &key);
	log_failure(exchange, "wrong credential", known_peer(name));
}

bool
qlm_guess_name_waits(QlmExchange *exchange, const char *name)
{
	uint64		key = name_key(name);

	return waits_unless_proven(exchange, pause_of(exchange, QLM_GUESS_CLIENT, &key),
							   QLM_PROOF_CLAIM, name, true);
}

/*
 * Proofs of names are kept only for callers that had to wait, since anybody
 * can add to them.
 */
void
qlm_guess_name_fits(const QlmExchange *exchange, const char *name)
{
	QlmGuessDigest digest;

	if (!is_watched(exchange) || !exchange->job->has_waited)
		return;
	get_digest(exchange, name, true, &digest);
	prove(QLM_PROOF_CLAIM, &digest);
}

void
qlm_guess_name_fails(QlmExchange *exchange, const char *name)
{
	uint64		key = name_key(name);
	const char *known = known_peer(name);

	/* An SQL session may read the names of peers, so it is told which it is. */
	if (!is_watched(exchange))
	{
		qlm_exchange_refuse(exchange, 401, 401,
							psprintf(known ? "peer \"%s\" must show its credential" :
									 "peer \"%s\" does not exist", name));
		return;
	}
	qlm_guess_refuse(exchange);
	count_failure(exchange, QLM_GUESS_CLIENT, &key);
	log_failure(exchange, known ? "no credential" : "unknown name", known);
}

bool
qlm_guess_token_waits(QlmExchange *exchange)
{
	int			ms = pause_of(exchange, QLM_GUESS_ID, NULL);

	return waits_unless_proven(exchange, ms, QLM_PROOF_CLAIM, exchange->job->token, true);
}

void
qlm_guess_token_fails(QlmExchange *exchange)
{
	if (!is_watched(exchange))
		return;
	count_failure(exchange, QLM_GUESS_ID, NULL);
	if (!exchange->job->has_waited)
		return;
	log_failure(exchange, "unknown callback", NULL);
}

static bool
may_ask_freely(const QlmExchange *exchange, const QlmPeer *peer)
{
	return !is_watched(exchange) || (peer && peer->has_credential);
}

/* Returns the requestIDs of all requests and results of an envelope. */
static List *
ids_of(const QlmEnvelope *envelope)
{
	List	   *ids = NIL;
	ListCell   *lc;
	ListCell   *rc;

	foreach(lc, envelope->requests)
	{
		const QlmRequest *request = lfirst(lc);

		ids = list_concat(ids, request->request_ids);
		foreach(rc, request->results)
			ids = list_concat(ids, ((QlmResult *) lfirst(rc))->request_ids);
	}
	return ids;
}

bool
qlm_guess_ids_wait(QlmExchange *exchange, const QlmPeer *peer)
{
	int			ms = may_ask_freely(exchange, peer) ? 0 : pause_of(exchange, QLM_GUESS_ID, NULL);
	List	   *ids = ms > 0 ? ids_of(exchange->request) : NIL;
	ListCell   *lc;

	foreach(lc, ids)
		if (waits_unless_proven(exchange, ms, QLM_PROOF_CLAIM, lfirst(lc), true))
			return true;
	return false;
}

void
qlm_guess_id_fits(const QlmExchange *exchange, const char *id)
{
	QlmGuessDigest digest;

	if (may_ask_freely(exchange, exchange->peer) || !exchange->job->has_waited)
		return;
	get_digest(exchange, id, true, &digest);
	prove(QLM_PROOF_CLAIM, &digest);
}

void
qlm_guess_id_fails(QlmExchange *exchange)
{
	if (may_ask_freely(exchange, exchange->peer))
		return;
	count_failure(exchange, QLM_GUESS_ID, NULL);
	if (exchange->nunknown++ == 0 && exchange->job->has_waited)
		log_failure(exchange, "unknown requestID", NULL);
}

bool
qlm_guess_ids_are_enough(const QlmExchange *exchange, const char **why)
{
	*why = "too many requestIDs of this message are not known";
	return exchange->nunknown >= MAX_UNKNOWN;
}
