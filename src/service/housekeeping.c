/*
 * housekeeping.c
 *		What time does to the tables, in small steps.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "service/housekeeping.h"
#include "storage/catalog.h"
#include "storage/delivery.h"
#include "storage/journal.h"
#include "storage/outbox.h"
#include "storage/partition.h"
#include "storage/retention.h"
#include "storage/subscription.h"

#define ROWS_PER_STEP	1000

bool
qlm_housekeeping_step(void)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		more;

	qlm_storage_begin();
	qlm_partition_ensure(now);
	more = qlm_outbox_expire(ROWS_PER_STEP) == ROWS_PER_STEP;
	more |= qlm_subscription_expire(ROWS_PER_STEP) == ROWS_PER_STEP;
	more |= qlm_subscription_forget_values(ROWS_PER_STEP) == ROWS_PER_STEP;
	more |= qlm_delivery_trim(ROWS_PER_STEP) == ROWS_PER_STEP;
	more |= qlm_retention_step(ROWS_PER_STEP);
	qlm_journal_trim();
	qlm_storage_end();
	return more;
}
