/*
 * hold_time.h
 *		How long the way to a peer lets a request be held.
 *
 * Proxies, balancers and NATs close connections that are silent for some
 * time.  So a shorter hold is asked for after one was cut, and a little longer
 * one after many that were not.
 */
#ifndef QLM_HOLD_TIME_H
#define QLM_HOLD_TIME_H

#define QLM_HOLD_TIME_MOST	25		/* s: less than most boxes allow, which is 30 */

typedef struct QlmHoldTime
{
	int			seconds;		/* to ask for */
	int			cut_ms;			/* after which the way has cut one last, as far
								 * as is known; 0: never */
	int			doubtful;		/* ended in a row, and not taken for cut */
	int			silent;			/* in a row of which nothing was heard */
	bool		is_through;		/* the last one was let through */
	int			whole;			/* in a row that it has let through */
	int			patience;		/* how many must be that before more is asked for */
} QlmHoldTime;

/* seconds, cut_ms: what was known of it before; 0: nothing */
extern void qlm_hold_time_init(QlmHoldTime *hold, int seconds, int cut_ms);

/*
 * A call ended after so long without an answer of the peer.  True: a cut hold
 * explains it, so nothing came.  Less is asked for then where a box has said
 * that its patience was over (is_said), where one was cut after that time
 * before, and at the second in a row: a single one may be a restart.
 */
extern bool qlm_hold_time_was_cut(QlmHoldTime *hold, int elapsed_ms, bool is_said);

/*
 * Nothing was heard for longer than was asked for, as where a NAT has forgotten
 * the connection.  Less is asked for; true as above, but not time after time.
 */
extern bool qlm_hold_time_was_silent(QlmHoldTime *hold);

/* The peer has answered after so long. */
extern void qlm_hold_time_was_answered(QlmHoldTime *hold, int elapsed_ms);

#endif							/* QLM_HOLD_TIME_H */
