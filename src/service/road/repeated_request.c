/*
 * repeated_request.c
 *		Posted requests that are repeated because their answer was lost: they
 *		are executed once, and answered again.
 *
 * A peer gives a key to a request that must not be executed twice.  The key is
 * remembered with a hash of the request and with the answer.  This is done
 * only for known peers: anonymous callers could fetch the answers of others.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "message/text/envelope_text.h"
#include "service/road/repeated_request.h"
#include "service/road/request_hash.h"
#include "storage/core/catalog.h"
#include "storage/outbox/executed.h"

#define MAX_KEY 100

/* Of a longer answer only the return codes are remembered. */
#define MAX_REMEMBERED	(1024 * 1024)

/* Keeps these keys apart from the requestIDs of nested requests */
#define MEMORY_PREFIX "posted:"

bool
qlm_request_is_repeatable(const QlmRequest *request)
{
	if (request->verb == QLM_RESPONSE)
		return true;
	return request->verb == QLM_READ && !request->has_interval &&
		request->callback == NULL && request->request_ids == NIL &&
		request->nodes == NIL && !request->target_device;
}

bool
qlm_envelope_is_repeatable(const QlmEnvelope *envelope)
{
	ListCell   *lc;

	foreach(lc, envelope->requests)
		if (!qlm_request_is_repeatable(lfirst(lc)))
			return false;
	return true;
}

static const char *
key_of(const QlmExchange *exchange)
{
	const char *key = exchange->request->key;

	if (exchange->peer == NULL || key == NULL || *key == '\0' ||
		strlen(key) > MAX_KEY || XactReadOnly || exchange->job->from_session ||
		qlm_envelope_is_repeatable(exchange->request))
		return NULL;
	return psprintf(MEMORY_PREFIX "%s", key);
}

/* Must be called before execution, which may modify the envelope. */
static const char *
hash_of(QlmExchange *exchange)
{
	if (exchange->hash == NULL)
		exchange->hash = qlm_request_hash(exchange->request);
	return exchange->hash;
}

/*
 * Locks the key until the transaction ends.  Returns false if the same request
 * is being executed at the moment.
 */
static bool
lock_key(int peer_id, const char *key, const char *hash)
{
	LOCKTAG		tag;
	const char *text = psprintf("%s %s", key, hash);
	uint32		number = hash_combine(hash_bytes_uint32((uint32) peer_id),
									hash_bytes((const unsigned char *) text, strlen(text)));

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, qlm_catalog_relid(QLM_REL_OUTBOX),
					   number, 2);
	return LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_OK;
}

void
qlm_exchange_recall(QlmExchange *exchange)
{
	const char *key = exchange->phase == QLM_PHASE_BEGUN ? key_of(exchange) : NULL;
	const char *text;
	QlmEnvelope *answer;

	if (key == NULL)
		return;
	if (!lock_key(exchange->peer->peer_id, key, hash_of(exchange)))
	{
		qlm_exchange_refuse(exchange, 503, 503, "this request is being executed just now");
		return;
	}
	text = qlm_executed_answer(exchange->peer, key, hash_of(exchange));
	if (text == NULL)
		return;
	answer = qlm_envelope_from_text(text);
	if (answer == NULL || answer->requests == NIL)
		return;
	answer->dialect = exchange->answer->dialect;
	exchange->answer = answer;
	exchange->response = linitial(answer->requests);
	exchange->phase = QLM_PHASE_REPEATED;
}

/* Returns the answer without its payloads. */
static QlmEnvelope *
without_data(const QlmEnvelope *answer, const QlmRequest *response)
{
	QlmEnvelope *outline = qlm_envelope_create(&answer->dialect, answer->ttl);
	QlmRequest *copy = qlm_envelope_add_request(outline, QLM_RESPONSE);
	ListCell   *lc;

	foreach(lc, response->results)
	{
		const QlmResult *result = lfirst(lc);

		qlm_request_add_result(copy, result->code, result->description ? result->description :
							   "it was executed before, and what it brought is too large to be kept")->request_ids =
			result->request_ids;
	}
	return outline;
}

/*
 * Must be called before anything is nested into the answer, which is not part
 * of it.
 */
void
qlm_exchange_remember(QlmExchange *exchange)
{
	const char *key;
	QlmEnvelope answer;
	const char *text;

	if ((exchange->phase != QLM_PHASE_EXECUTED && exchange->phase != QLM_PHASE_COMPLETED) ||
		exchange->job->status != 200)
		return;
	key = key_of(exchange);
	if (key == NULL)
		return;
	if (exchange->response->results == NIL)
		qlm_request_add_result(exchange->response, 200, NULL);
	answer = *exchange->answer;
	answer.dialect.json = false;	/* it is read again by this node, as XML */
	text = qlm_envelope_to_text(&answer);
	if (strlen(text) > MAX_REMEMBERED)
		text = qlm_envelope_to_text(without_data(&answer, exchange->response));
	qlm_executed_remember(exchange->peer, key, hash_of(exchange), text);
}
