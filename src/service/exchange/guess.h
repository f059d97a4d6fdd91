/*
 * guess.h
 *		Callers that guess: credentials, names, requestIDs, addresses of
 *		callbacks.  Their attempts are delayed, by a growing time.
 */
#ifndef QLM_GUESS_H
#define QLM_GUESS_H

#include "service/exchange/exchange.h"
#include "storage/peer/peer.h"

/* What one of whom nothing else is known is told; status and code are 401 */
extern void qlm_guess_refuse(QlmExchange *exchange);

/* It is known, but its role was dropped: refuse it with 403, and log it. */
extern void qlm_guess_has_no_role(QlmExchange *exchange, const char *peer);

/*
 * Must this credential, or the name in the URL, wait before it counts?  Then
 * the exchange is put off, and nothing may be said of it now.
 */
extern bool qlm_guess_credential_waits(QlmExchange *exchange, const char *authorization);
extern bool qlm_guess_name_waits(QlmExchange *exchange, const char *name);

/* It was right.  That keeps it from waiting again. */
extern void qlm_guess_credential_fits(const QlmExchange *exchange, const char *authorization);
extern void qlm_guess_name_fits(const QlmExchange *exchange, const char *name);

/* It was wrong: count it, log it, and refuse the exchange. */
extern void qlm_guess_credential_fails(QlmExchange *exchange, const char *authorization);
extern void qlm_guess_name_fails(QlmExchange *exchange, const char *name);

/* The same for the end of a callback URL; the exchange is not refused. */
extern bool qlm_guess_token_waits(QlmExchange *exchange);
extern void qlm_guess_token_fails(QlmExchange *exchange);

/*
 * The same for the requestIDs of a message, whose caller is this peer, or
 * nobody.  Who has shown a credential, and an SQL session, may ask freely.
 */
extern bool qlm_guess_ids_wait(QlmExchange *exchange, const QlmPeer *peer);
extern void qlm_guess_id_fits(const QlmExchange *exchange, const char *id);
extern void qlm_guess_id_fails(QlmExchange *exchange);

/* Were there so many wrong ones in this message that no more are looked at? */
extern bool qlm_guess_ids_are_enough(const QlmExchange *exchange, const char **why);

#endif							/* QLM_GUESS_H */
