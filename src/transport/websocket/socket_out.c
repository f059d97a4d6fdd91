/*
 * socket_out.c
 *		What a WebSocket sends: whole frames, in order, as fast as they are
 *		read at the other end.
 */
#include "postgres.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include "utils/timestamp.h"

#include "transport/websocket/socket_state.h"

#define MAX_PIECES 64

/* A whole frame with a copy of the payload; NULL: no memory */
QlmSocketChunk *
qlm_socket_chunk(QlmSocketSet *set, QlmFrameKind kind, const char *data, Size len)
{
	QlmSocketChunk *chunk = qlm_socket_alloc(set, offsetof(QlmSocketChunk, data) +
											 QLM_MAX_FRAME_HEADER + len);

	if (chunk == NULL)
		return NULL;
	chunk->len = qlm_frame_header(chunk->data, kind, len);
	if (len > 0)
		memcpy(chunk->data + chunk->len, data, len);
	chunk->len += len;
	set->unsent += chunk->len;
	return chunk;
}

void
qlm_socket_chunk_free(QlmSocketSet *set, QlmSocketChunk *chunk)
{
	set->unsent -= chunk->len;
	pfree(chunk);
}

/*
 * The last in line of what is to be sent.  Where there is no memory for one,
 * what follows would seem to be it: the socket has failed.
 */
void
qlm_socket_send(QlmWebSocket *socket, QlmSocketChunk *chunk)
{
	qlm_socket_mark(socket);
	if (chunk == NULL)
	{
		socket->failed = true;
		return;
	}
	if (socket->nchunks == 0)
	{
		slist_push_head(&socket->chunks, &chunk->node);
		socket->sent_at = GetCurrentTimestamp();
	}
	else
		slist_insert_after(socket->last_chunk, &chunk->node);
	socket->last_chunk = &chunk->node;
	socket->nchunks++;
	socket->out_bytes += chunk->len;
}

static QlmSocketChunk *
first_chunk(QlmWebSocket *socket)
{
	return slist_container(QlmSocketChunk, node, slist_head_node(&socket->chunks));
}

static void
forget_first(QlmWebSocket *socket)
{
	QlmSocketChunk *chunk = first_chunk(socket);

	slist_pop_head_node(&socket->chunks);
	socket->nchunks--;
	socket->chunk_at = 0;
	qlm_socket_chunk_free(socket->set, chunk);
}

/* So many bytes have left. */
static void
note_sent(QlmWebSocket *socket, Size sent)
{
	socket->out_bytes -= sent;
	while (sent > 0)
	{
		Size		left = first_chunk(socket)->len - socket->chunk_at;

		if (sent < left)
		{
			socket->chunk_at += sent;
			break;
		}
		sent -= left;
		forget_first(socket);
	}
}

static ssize_t
send_pieces(QlmWebSocket *socket)
{
	struct iovec pieces[MAX_PIECES];
	struct msghdr message = {.msg_iov = pieces};
	Size		at = socket->chunk_at;
	slist_iter	iter;

	slist_foreach(iter, &socket->chunks)
	{
		QlmSocketChunk *chunk = slist_container(QlmSocketChunk, node, iter.cur);

		pieces[message.msg_iovlen].iov_base = chunk->data + at;
		pieces[message.msg_iovlen].iov_len = chunk->len - at;
		at = 0;
		if (++message.msg_iovlen == MAX_PIECES)
			break;
	}
	return sendmsg(socket->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Send what can be sent without waiting. */
void
qlm_socket_flush(QlmWebSocket *socket)
{
	bool		progress = false;

	while (socket->nchunks > 0 && !socket->failed)
	{
		ssize_t		sent = send_pieces(socket);

		if (sent > 0)
		{
			note_sent(socket, sent);
			progress = true;
		}
		else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		else if (sent == 0 || errno != EINTR)
			socket->failed = true;
	}
	if (progress)
		socket->sent_at = GetCurrentTimestamp();
}

void
qlm_socket_forget_output(QlmWebSocket *socket)
{
	while (socket->nchunks > 0)
		forget_first(socket);
	socket->out_bytes = 0;
}
