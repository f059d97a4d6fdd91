/*
 * credential.h
 *		Secrets of peers: how they are stored, and compared with what a caller
 *		shows.  Used by peer.c only.
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

extern char *qlm_credential_create(const char *secret);
extern void qlm_credential_parse(const char *text, QlmCredential *credential);
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

extern QlmCredentialMemo *qlm_credential_memo_create(MemoryContext context);
extern void qlm_credential_key(const char *authorization,
							   QlmCredentialKey *key);
extern void *qlm_credential_recall(QlmCredentialMemo *memo,
								   const QlmCredentialKey *key);
extern void qlm_credential_remember(QlmCredentialMemo *memo,
									const QlmCredentialKey *key, void *owner);

#endif							/* QLM_CREDENTIAL_H */
