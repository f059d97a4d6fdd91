/*
 * lifetime.c
 *		How long something lives: ttl, from and to.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/limits.h"
#include "service/exchange/lifetime.h"

TimestampTz
qlm_ttl_end(TimestampTz from, double ttl)
{
	if (ttl <= 0 || ttl > 1e11)
		return DT_NOEND;
	return from + (TimestampTz) (ttl * USECS_PER_SEC);
}

double
qlm_ttl_left(TimestampTz end)
{
	if (TIMESTAMP_IS_NOEND(end))
		return -1;
	/* rounded up to whole seconds, which read better */
	return Max((end - GetCurrentTimestamp() + USECS_PER_SEC - 1) / USECS_PER_SEC, 1);
}

TimestampTz
qlm_kept_until(TimestampTz from, TimestampTz end)
{
	return Min(end, from + QLM_MAX_KEPT * USECS_PER_SEC);
}
