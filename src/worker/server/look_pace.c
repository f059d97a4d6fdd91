/*
 * look_pace.c
 *		When to look into the tables for what held requests and WebSockets wait
 *		for.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/limits.h"
#include "worker/server/look_pace.h"

#define PAUSE_MS		2		/* between two looks */
#define IDLE_MIN_MS		250
#define IDLE_MAX_MS		5000
#define IDLE_ALONE_MS	100		/* without shared memory nobody wakes us */

TimestampTz
qlm_look_after(int ms)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

int
qlm_look_idle_ms(void)
{
	if (qlm_shared == NULL)
		return IDLE_ALONE_MS;
	return Max(Min(qlm_retry_delay, IDLE_MAX_MS), IDLE_MIN_MS);
}

TimestampTz
qlm_look_again(int *retry_ms)
{
	TimestampTz at = qlm_look_after(*retry_ms);

	*retry_ms = Min(*retry_ms * 2, qlm_look_idle_ms());
	return at;
}

bool
qlm_look_pace_take(QlmLookPace *pace)
{
	pace->any_woken |= qlm_waiters_take(pace->who, pace->woken);
	return GetCurrentTimestamp() >= pace->not_before;
}

bool
qlm_look_pace_is_woken(const QlmLookPace *pace, uint32 key)
{
	return pace->any_woken && qlm_wake_key_is_set(pace->woken, key);
}

void
qlm_look_pace_forget(QlmLookPace *pace)
{
	if (pace->any_woken)
		memset(pace->woken, 0, sizeof(pace->woken));
	pace->any_woken = false;
}

void
qlm_look_pace_done(QlmLookPace *pace)
{
	pace->not_before = qlm_look_after(PAUSE_MS);
}
