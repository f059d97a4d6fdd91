/*
 * limits.c
 *		The limits that are settings.
 */
#include "postgres.h"

#include "base/limits.h"

int			qlm_max_message_size = 10 * 1024 * 1024;
int			qlm_max_depth = 64;
int			qlm_max_values = 1000000;
int			qlm_max_answer_size = 256 * 1024 * 1024;
int			qlm_max_future = 24 * 60 * 60;
int			qlm_piggyback_max = 8;
int			qlm_piggyback_max_size = 256 * 1024;
int			qlm_retry_delay = 5000;
int			qlm_retry_max_delay = 5 * 60 * 1000;
int			qlm_poll_buffer_max = 10000;
int			qlm_max_subscriptions = 10000;
int			qlm_max_anonymous_subscriptions = 1000;
int			qlm_max_queued = 100000;
int			qlm_finished_kept = 100000;
