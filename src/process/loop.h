/*
 * loop.h
 *		The loop of a worker: one wait for its latch, the postmaster's death
 *		and one nested descriptor; interrupts, reload and stop in between.
 */
#ifndef QLM_LOOP_H
#define QLM_LOOP_H

#include "postgres.h"
#include "datatype/timestamp.h"

typedef struct QlmLoop QlmLoop;

/* What a wait has brought */
#define QLM_LOOP_IO			1	/* the descriptor is ready */
#define QLM_LOOP_RELOAD		2	/* the configuration was read again */
#define QLM_LOOP_STOP		4	/* the worker was asked to end */

/* Install the handlers of a worker's signals and unblock them. */
extern void qlm_loop_signals(void);

/* fd: an epoll descriptor or -1.  Needs MyLatch. */
extern QlmLoop *qlm_loop_create(int fd);

/* Wake at this time at the latest; forgotten after the next wait. */
extern void qlm_loop_at(QlmLoop *loop, TimestampTz due);
extern void qlm_loop_after(QlmLoop *loop, int64 milliseconds);

/* Wait, then look after interrupts; returns QLM_LOOP_* bits. */
extern int	qlm_loop_wait(QlmLoop *loop);

/*
 * Around work that must not outlast a request to end: it is finished if it
 * ends soon, and interrupted by FATAL if it does not.
 */
extern void qlm_loop_work_begin(int timeout_ms);
extern void qlm_loop_work_end(void);

#endif							/* QLM_LOOP_H */
