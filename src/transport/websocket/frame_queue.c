/*
 * frame_queue.c
 *		Frames that are waiting to be sent on a WebSocket.
 */
#include "postgres.h"

#include <sys/uio.h>

#include "utils/memutils.h"

#include "transport/websocket/frame_queue.h"

void
qlm_frame_queue_init(QlmFrameQueue *queue)
{
	memset(queue, 0, sizeof(QlmFrameQueue));
	slist_init(&queue->frames);
}

QlmQueuedFrame *
qlm_frame_alloc(MemoryContext context, Size size)
{
	return MemoryContextAllocExtended(context, offsetof(QlmQueuedFrame, data) + size,
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

void
qlm_frame_queue_add(QlmFrameQueue *queue, QlmQueuedFrame *frame)
{
	if (queue->n++ == 0)
		slist_push_head(&queue->frames, &frame->node);
	else
		slist_insert_after(queue->last, &frame->node);
	queue->last = &frame->node;
	queue->bytes += frame->len;
}

int
qlm_frame_queue_pieces(const QlmFrameQueue *queue, struct iovec *pieces, int max)
{
	Size		at = queue->at;
	int			n = 0;
	slist_iter	iter;

	slist_foreach(iter, unconstify(slist_head *, &queue->frames))
	{
		QlmQueuedFrame *frame = slist_container(QlmQueuedFrame, node, iter.cur);

		if (n == max)
			break;
		pieces[n].iov_base = frame->data + at;
		pieces[n++].iov_len = frame->len - at;
		at = 0;
	}
	return n;
}

static Size
forget_first(QlmFrameQueue *queue)
{
	QlmQueuedFrame *frame = slist_container(QlmQueuedFrame, node,
											slist_pop_head_node(&queue->frames));
	Size		len = frame->len;

	queue->n--;
	queue->at = 0;
	pfree(frame);
	return len;
}

Size
qlm_frame_queue_sent(QlmFrameQueue *queue, Size sent)
{
	Size		gone = 0;

	queue->bytes -= sent;
	while (sent > 0)
	{
		QlmQueuedFrame *first = slist_container(QlmQueuedFrame, node,
												slist_head_node(&queue->frames));
		Size		left = first->len - queue->at;

		if (sent < left)
		{
			queue->at += sent;
			break;
		}
		sent -= left;
		gone += forget_first(queue);
	}
	return gone;
}

Size
qlm_frame_queue_clear(QlmFrameQueue *queue)
{
	Size		gone = 0;

	while (queue->n > 0)
		gone += forget_first(queue);
	queue->bytes = 0;
	return gone;
}
