/*
 * look_pace.h
 *		When to look into the tables for what somebody here waits for: soon after a
 *		commit that may have brought it, with a pause between two looks; from time
 *		to time without a reason; and after a look that was in vain again, more
 *		and more rarely.
 */
#ifndef QLM_LOOK_PACE_H
#define QLM_LOOK_PACE_H

#include "process/waiters.h"


#define QLM_LOOK_RETRY_MS	20	/* somebody else had it, or must answer first */
#define QLM_LOOK_LIMIT_MS	10000	/* for one look */

typedef struct QlmLookPace
{
	QlmWaitersKind who;
	uint64		woken[QLM_WAKE_WORDS];	/* the keys that were committed */
	bool		any_woken;
	TimestampTz not_before;		/* whatever happens */
} QlmLookPace;

extern TimestampTz qlm_look_after(int ms);

/* ms between looks without a reason */
extern int	qlm_look_idle_ms(void);

/* A look was in vain: when is the next one?  retry_ms grows. */
extern TimestampTz qlm_look_again(int *retry_ms);

/* Note what commits have told; may there be a look now? */
extern bool qlm_look_pace_take(QlmLookPace *pace);
extern bool qlm_look_pace_is_woken(const QlmLookPace *pace, uint32 key);

/* All that was told has been heeded; and a look is over. */
extern void qlm_look_pace_forget(QlmLookPace *pace);
extern void qlm_look_pace_done(QlmLookPace *pace);

#endif							/* QLM_LOOK_PACE_H */
