/*
 * socket_life.c
 *		Whether there is still anybody at the other end of a WebSocket.
 *
 * A connection whose other end went without a word, as behind an address
 * translation that forgot it, takes what is sent for a long time.  So a sign of
 * life is asked for (a ping) where it matters: any byte will do.
 */
#include "postgres.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "utils/timestamp.h"

#include "transport/websocket/socket_state.h"

#define LOOK_MS		200
#define MOVED_MS	1500		/* for the pong, once what is before it has arrived */

/* Bytes that the other end's system has not confirmed */
static Size
unconfirmed(const QlmWebSocket *socket)
{
	int			queued = 0;

#ifdef SIOCOUTQ
	if (ioctl(socket->fd, SIOCOUTQ, &queued) != 0)
		queued = 0;
#endif
	return socket->out_bytes + queued;
}

/* Look at it from now on, so that it is known when something has moved. */
static void
look_soon(QlmWebSocket *socket)
{
	socket->set->next_sweep = Min(socket->set->next_sweep,
								  TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_MS));
}

void
qlm_websocket_ask(QlmWebSocket *socket, int ms)
{
	TimestampTz now = GetCurrentTimestamp();

	if (socket->state != QLM_SOCKET_OPEN)
		return;
	qlm_socket_send(socket, qlm_socket_chunk(socket->set, QLM_FRAME_PING, NULL, 0));
	socket->unconfirmed = unconfirmed(socket);
	socket->moved_at = now;
	if (socket->life_by == 0)
		socket->life_by = TimestampTzPlusMilliseconds(now, ms);
	look_soon(socket);
}

void
qlm_websocket_hurry(QlmWebSocket *socket, int ms)
{
	TimestampTz limit = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);

	if (socket->life_by > limit)
		socket->life_by = limit;
}

bool
qlm_websocket_is_silent(const QlmWebSocket *socket)
{
	return socket->life_by != 0;
}

TimestampTz
qlm_websocket_heard_at(const QlmWebSocket *socket)
{
	return socket->heard_at;
}

/*
 * Is its time up?  Who is not read from is not to blame, unless that is because
 * it reads nothing itself; and a slow network, in which what was sent before the
 * ping still moves on, is one that lives.
 */
void
qlm_socket_check_life(QlmWebSocket *socket, TimestampTz now, bool listens)
{
	Size		left;

	if (socket->life_by == 0 || socket->state == QLM_SOCKET_GONE)
		return;
	look_soon(socket);
	left = unconfirmed(socket);
	if ((!listens && !qlm_socket_is_full(socket)) || left < socket->unconfirmed)
		socket->moved_at = now;
	socket->unconfirmed = left;
	if (now < socket->life_by ||
		!TimestampDifferenceExceeds(socket->moved_at, now, MOVED_MS))
		return;
	if (socket->nchunks == 0)
	{
		char		payload[QLM_MAX_CONTROL];
		int			len = qlm_frame_close(payload, QLM_CLOSE_POLICY, "no sign of life");

		qlm_socket_send(socket, qlm_socket_chunk(socket->set, QLM_FRAME_CLOSE, payload, len));
		qlm_socket_flush(socket);
	}
	socket->failed = true;
	qlm_socket_mark(socket);
}
