/*
 * credential.c
 *		Secrets of peers: how they are stored, and compared with those of
 *		callers.
 */
#include "postgres.h"

#include "common/base64.h"
#include "common/cryptohash.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "storage/peer/credential.h"

#define SCHEME			"sha256$"
#define SALT_HEX		(2 * QLM_SALT_LENGTH)
#define DIGEST_HEX		(2 * PG_SHA256_DIGEST_LENGTH)

/* The longest header that is checked, and the number of remembered headers */
#define MAX_HEADER		(16 * 1024)
#define MAX_REMEMBERED	10000

typedef struct MemoEntry
{
	QlmCredentialKey key;
	void	   *owner;
} MemoEntry;

/* SHA-256 of two strings, one after the other */
static void
sha256(const void *first, Size first_len, const void *second, Size second_len,
	   uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL ||
		pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, first, first_len) < 0 ||
		pg_cryptohash_update(context, second, second_len) < 0 ||
		pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) < 0)
	{
		pg_cryptohash_free(context);
		elog(ERROR, "could not compute SHA-256");
	}
	pg_cryptohash_free(context);
}

char *
qlm_credential_create(const char *secret)
{
	uint8		salt[QLM_SALT_LENGTH];
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char		salt_hex[SALT_HEX + 1] = "";
	char		digest_hex[DIGEST_HEX + 1] = "";

	if (!pg_strong_random(salt, sizeof(salt)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random salt")));
	sha256(salt, sizeof(salt), secret, strlen(secret), digest);
	hex_encode((char *) salt, sizeof(salt), salt_hex);
	hex_encode((char *) digest, sizeof(digest), digest_hex);
	return psprintf(SCHEME "%s$%s", salt_hex, digest_hex);
}

void
qlm_credential_parse(const char *text, QlmCredential *credential)
{
	const char *hex = "0123456789abcdefABCDEF";
	const char *salt = text + strlen(SCHEME);
	const char *digest;

	credential->valid = false;
	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0 ||
		strspn(salt, hex) != SALT_HEX || salt[SALT_HEX] != '$')
		return;
	digest = salt + SALT_HEX + 1;
	if (strspn(digest, hex) != DIGEST_HEX || digest[DIGEST_HEX] != '\0')
		return;
	hex_decode(salt, SALT_HEX, (char *) credential->salt);
	hex_decode(digest, DIGEST_HEX, (char *) credential->digest);
	credential->valid = true;
}

/* Takes the same time wherever the first difference is. */
static bool
same_digest(const uint8 *a, const uint8 *b)
{
	volatile uint8 difference = 0;

	for (int i = 0; i < PG_SHA256_DIGEST_LENGTH; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

bool
qlm_credential_verify(const QlmCredential *credential, const char *secret)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	/* Without a secret the same time is taken, so that it cannot be measured. */
	sha256(credential->salt, QLM_SALT_LENGTH, secret, strlen(secret), digest);
	return same_digest(digest, credential->digest) && credential->valid;
}

/* Returns what follows the scheme, trimmed, or NULL for another scheme. */
static char *
parameter_of(const char *header, const char *scheme)
{
	char	   *parameter;
	int			len = strlen(scheme);

	if (pg_strncasecmp(header, scheme, len) != 0 || header[len] != ' ')
		return NULL;
	header += len;
	while (*header == ' ')
		header++;
	parameter = pstrdup(header);
	len = strlen(parameter);
	while (len > 0 && parameter[len - 1] == ' ')
		parameter[--len] = '\0';
	return len > 0 ? parameter : NULL;
}

bool
qlm_credential_split(const char *authorization, char **user, char **secret)
{
	char	   *encoded;
	char	   *decoded;
	char	   *colon;
	int			len;

	*user = NULL;
	while (*authorization == ' ')
		authorization++;
	if (strlen(authorization) > MAX_HEADER)
		return false;
	*secret = parameter_of(authorization, "Bearer");
	if (*secret)
		return true;
	encoded = parameter_of(authorization, "Basic");
	if (encoded == NULL)
		return false;
	len = pg_b64_dec_len(strlen(encoded));
	decoded = palloc0(len + 1);
	len = pg_b64_decode(encoded, strlen(encoded), (void *) decoded, len);
	colon = len > 0 ? memchr(decoded, ':', len) : NULL;
	if (colon == NULL || memchr(decoded, '\0', len) != NULL)
		return false;
	*colon = '\0';
	*user = decoded;
	*secret = colon + 1;
	return true;
}

QlmCredentialMemo *
qlm_credential_memo_create(MemoryContext context)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(QlmCredentialKey);
	control.entrysize = sizeof(MemoEntry);
	control.hcxt = context;
	return hash_create("qlm credentials", 16, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
qlm_credential_key(const char *authorization, QlmCredentialKey *key)
{
	sha256(authorization, strlen(authorization), "", 0, key->digest);
}

void *
qlm_credential_recall(QlmCredentialMemo *memo, const QlmCredentialKey *key)
{
	MemoEntry  *entry = hash_search(memo, key, HASH_FIND, NULL);

	return entry ? entry->owner : NULL;
}

void
qlm_credential_remember(QlmCredentialMemo *memo, const QlmCredentialKey *key,
						void *owner)
{
	MemoEntry  *entry;

	if (hash_get_num_entries(memo) >= MAX_REMEMBERED)
		return;
	entry = hash_search(memo, key, HASH_ENTER, NULL);
	entry->owner = owner;
}
