/*
 * request_hash.h
 *		What a message asks for, as a short text: two messages that ask for the
 *		same have the same, in whatever dialect and form they came.
 */
#ifndef QLM_REQUEST_HASH_H
#define QLM_REQUEST_HASH_H

#include "message/envelope.h"

extern char *qlm_request_hash(const QlmEnvelope *envelope);

#endif							/* QLM_REQUEST_HASH_H */
