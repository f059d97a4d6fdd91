/*
 * guess_delay.h
 *		The requests of a server worker that must wait before they are run,
 *		since their callers may be guessing (service/exchange/guess.h).  They cost a
 *		connection and what they have in memory anyway.
 */
#ifndef QLM_GUESS_DELAY_H
#define QLM_GUESS_DELAY_H

#include "transport/web_server.h"

/*
 * Hold a request that was taken, and put it in line again when its time has
 * come.  Of the messages on one WebSocket one waits after the other.
 */
extern void qlm_guess_delay_hold(QlmHttpRequest *request, int ms);

/* It is about to be answered; was_wrong: that it had to wait was right. */
extern void qlm_guess_delay_answered(QlmHttpRequest *request, bool was_wrong);

/* Its client has gone.  False: it is not held here. */
extern bool qlm_guess_delay_left(QlmHttpRequest *request);

/* Put those in line whose time has come. */
extern void qlm_guess_delay_run(void);

/* In how many ms that must be done again; -1: no need */
extern int64 qlm_guess_delay_due(void);

/* Put all in line. */
extern void qlm_guess_delay_end(void);

#endif							/* QLM_GUESS_DELAY_H */
