/*
 * frame_queue.h
 *		What is on its way out of a WebSocket, at either end: whole frames in
 *		order, each in memory of its own, which does not move: TLS wants that.
 */
#ifndef QLM_FRAME_QUEUE_H
#define QLM_FRAME_QUEUE_H

#include "lib/ilist.h"

struct iovec;

/* A frame, or the head of a handshake */
typedef struct QlmQueuedFrame
{
	slist_node	node;
	Size		len;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} QlmQueuedFrame;

typedef struct QlmFrameQueue
{
	slist_head	frames;
	slist_node *last;
	int			n;
	Size		bytes;			/* not yet sent */
	Size		at;				/* sent of the first one */
} QlmFrameQueue;

extern void qlm_frame_queue_init(QlmFrameQueue *queue);

/* Room for so many bytes; NULL: no memory.  pfree it where it is not added. */
extern QlmQueuedFrame *qlm_frame_alloc(MemoryContext context, Size size);

/* The last in line, which is the queue's now */
extern void qlm_frame_queue_add(QlmFrameQueue *queue, QlmQueuedFrame *frame);

/* What leaves next, in so many pieces at most; returns how many there are. */
extern int	qlm_frame_queue_pieces(const QlmFrameQueue *queue, struct iovec *pieces,
								   int max);

/* So many bytes have left.  Returns the size of the frames that are gone by that. */
extern Size qlm_frame_queue_sent(QlmFrameQueue *queue, Size sent);

/* Forget all of them; returns their size. */
extern Size qlm_frame_queue_clear(QlmFrameQueue *queue);

#endif							/* QLM_FRAME_QUEUE_H */
