/*
 * credential.h
 *		Secrets of peers: how they are stored, and compared with what a caller
 *		shows.
 */
#ifndef QLM_CREDENTIAL_H
#define QLM_CREDENTIAL_H

#include "common/sha2.h"

#define QLM_SALT_LENGTH 16

/* A stored credential, sha256$SALT$DIGEST in hex */
typedef struct QlmCredential
{
	bool		valid;			/* else nothing fits it */
	uint8		salt[QLM_SALT_LENGTH];
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
} QlmCredential;

/* The text that is stored of a secret, with a new random salt */
extern char *qlm_credential_create(const char *secret);

/* That text, taken apart; what has another form is not valid, and no error. */
extern void qlm_credential_parse(const char *text, QlmCredential *credential);

/* Is this the secret?  In a time that does not depend on where they differ. */
extern bool qlm_credential_verify(const QlmCredential *credential,
								  const char *secret);

/*
 * The parts of an Authorization header: user is NULL for Bearer.  Returns
 * false for what is neither that nor Basic.
 */
extern bool qlm_credential_split(const char *authorization,
								 char **user, char **secret);

/* Headers that were found right, so that they need not be verified again */
typedef struct HTAB QlmCredentialMemo;

typedef struct QlmCredentialKey
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
} QlmCredentialKey;

/* It lives as long as the memory context. */
extern QlmCredentialMemo *qlm_credential_memo_create(MemoryContext context);

/* Its hash stands for a header, so that no secret is kept. */
extern void qlm_credential_key(const char *authorization,
							   QlmCredentialKey *key);

/* Whose it was found to be; NULL: it was not verified yet */
extern void *qlm_credential_recall(QlmCredentialMemo *memo,
								   const QlmCredentialKey *key);
extern void qlm_credential_remember(QlmCredentialMemo *memo,
									const QlmCredentialKey *key, void *owner);

#endif							/* QLM_CREDENTIAL_H */
