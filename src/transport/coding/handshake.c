/*
 * handshake.c
 *		The opening handshake of a WebSocket, on the server's side.
 */
#include "postgres.h"

#include "common/base64.h"
#include "common/cryptohash.h"
#include "common/sha1.h"
#include "utils/resowner.h"

#include "transport/coding/handshake.h"

#define KEY_LEN		(QLM_KEY_SIZE - 1)
#define NONCE_LEN	16

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* Is it the base64 of 16 bytes? */
static bool
is_key(const char *key)
{
	char		nonce[KEY_LEN];

	return strlen(key) == KEY_LEN &&
		pg_b64_decode(key, KEY_LEN, (void *) nonce, sizeof(nonce)) == NONCE_LEN;
}

QlmHandshake
qlm_handshake_check(const char *version, const char *key)
{
	if (version == NULL || strcmp(version, "13") != 0)
		return QLM_HANDSHAKE_BAD_VERSION;
	return key && is_key(key) ? QLM_HANDSHAKE_GOOD : QLM_HANDSHAKE_BAD_KEY;
}

static bool
hash_key(const char *key, uint8 digest[SHA1_DIGEST_LENGTH])
{
	pg_cryptohash_ctx *sha1 = pg_cryptohash_create(PG_SHA1);
	bool		ok;

	if (sha1 == NULL)
		return false;
	ok = pg_cryptohash_init(sha1) == 0 &&
		pg_cryptohash_update(sha1, (const uint8 *) key, strlen(key)) == 0 &&
		pg_cryptohash_update(sha1, (const uint8 *) guid, strlen(guid)) == 0 &&
		pg_cryptohash_final(sha1, digest, SHA1_DIGEST_LENGTH) == 0;
	pg_cryptohash_free(sha1);
	return ok;
}

/* The hash context needs a resource owner, and there may be no transaction. */
bool
qlm_handshake_accept(const char *key, char accept[QLM_ACCEPT_SIZE])
{
	ResourceOwner before = CurrentResourceOwner;
	ResourceOwner owner = ResourceOwnerCreate(NULL, "qlm handshake");
	uint8		digest[SHA1_DIGEST_LENGTH];
	int			len = -1;

	CurrentResourceOwner = owner;
	if (hash_key(key, digest))
		len = pg_b64_encode((const void *) digest, sizeof(digest), accept,
							QLM_ACCEPT_SIZE - 1);
	CurrentResourceOwner = before;
	ResourceOwnerDelete(owner);
	if (len < 0)
		return false;
	accept[len] = '\0';
	return true;
}
