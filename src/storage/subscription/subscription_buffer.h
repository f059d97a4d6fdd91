/*
 * subscription_buffer.h
 *		Poll buffers: values that wait to be polled.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_SUBSCRIPTION_BUFFER_H
#define QLM_SUBSCRIPTION_BUFFER_H

#include "storage/select/select_value.h"
#include "storage/subscription/subscription_match.h"

/* Take the values that wait, in order of their times, and empty the buffer. */
extern int	qlm_subscription_take(int64 request_id, QlmEvent **events);

/* Which of these have values that wait?  Sets waiting[i]; one cheap query. */
extern void qlm_subscription_buffered(const int64 *request_ids, int n,
									  bool *waiting);

/* Append to the poll buffers of these, within qlm.poll_buffer_max. */
extern void qlm_subscription_buffer(QlmMatch *const *matches, int n);

/* Remove at most max values whose subscription has ended meanwhile. */
extern int	qlm_subscription_forget_values(int max);

#endif							/* QLM_SUBSCRIPTION_BUFFER_H */
