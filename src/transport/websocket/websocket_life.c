/*
 * websocket_life.c
 *		Detects WebSockets whose other end has gone.
 *
 * If the other end disappears without closing, e.g. behind a NAT that has
 * forgotten the connection, the kernel accepts data for a long time.  So when
 * it matters a ping is sent, and any byte counts as a sign of life.
 */
#include "postgres.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "utils/timestamp.h"

#include "base/server_settings.h"
#include "transport/websocket/websocket_life.h"
#include "transport/websocket/websocket_state.h"

#define LOOK_MS		200
#define MOVED_MS	1500		/* for the pong, after data before it have arrived */

/* Bytes that the other end's kernel has not acknowledged */
static Size
unconfirmed(const QlmWebSocket *socket)
{
	int			queued = 0;

#ifdef SIOCOUTQ
	if (ioctl(socket->fd, SIOCOUTQ, &queued) != 0)
		queued = 0;
#endif
	return socket->out.bytes + queued;
}

/* Has the socket checked soon, to notice whether data have moved. */
static void
look_soon(QlmWebSocket *socket)
{
	socket->shared->next_sweep = Min(socket->shared->next_sweep,
								  TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LOOK_MS));
}

void
qlm_websocket_ask(QlmWebSocket *socket, int ms)
{
	TimestampTz now = GetCurrentTimestamp();

	if (socket->state != QLM_SOCKET_OPEN)
		return;
	qlm_websocket_send_control(socket, QLM_FRAME_PING, NULL, 0);
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
 * Closes a socket without a sign of life in time.  If this node does not read
 * from it, the client is not to blame, unless that is because it does not read
 * itself.  If data sent before the ping still move, the network is only slow.
 */
static void
check_life(QlmWebSocket *socket, TimestampTz now, bool listens)
{
	Size		left;

	if (socket->life_by == 0)
		return;
	look_soon(socket);
	left = unconfirmed(socket);
	if ((!listens && !qlm_websocket_is_full(socket)) || left < socket->unconfirmed)
		socket->moved_at = now;
	socket->unconfirmed = left;
	if (now < socket->life_by ||
		!TimestampDifferenceExceeds(socket->moved_at, now, MOVED_MS))
		return;
	if (socket->out.n == 0)
	{
		char		payload[QLM_MAX_CONTROL];
		int			len = qlm_frame_close(payload, QLM_CLOSE_POLICY, "no sign of life");

		qlm_websocket_send_control(socket, QLM_FRAME_CLOSE, payload, len);
		qlm_websocket_flush(socket);
	}
	socket->failed = true;
	qlm_websocket_mark(socket);
}

int
qlm_websocket_ping_ms(void)
{
	return Min(qlm_ping_interval, qlm_request_timeout / 2);
}

/*
 * Limits the time to read what is sent, to send a message once it has begun,
 * to answer a ping, and to close.
 */
void
qlm_websocket_check_times(QlmWebSocket *socket, TimestampTz now, bool listens)
{
	check_life(socket, now, listens);
	if ((socket->state == QLM_SOCKET_FINISHED && now >= socket->close_by) ||
		(socket->out.n > 0 &&
		 TimestampDifferenceExceeds(socket->sent_at, now, qlm_request_timeout)))
	{
		socket->failed = true;
		qlm_websocket_mark(socket);
	}
	else if (!listens)
		return;
	else if (!qlm_frame_is_between(&socket->reader) &&
			 TimestampDifferenceExceeds(socket->begun_at, now, qlm_request_timeout))
		qlm_websocket_close(socket, QLM_CLOSE_POLICY,
							"the message takes longer than qlm.request_timeout");
	else if (TimestampDifferenceExceeds(socket->heard_at, now, qlm_request_timeout))
		qlm_websocket_close(socket, QLM_CLOSE_INTERNAL, "no answer to a ping");
	else if (!socket->pinged &&
			 TimestampDifferenceExceeds(socket->heard_at, now, qlm_websocket_ping_ms()))
	{
		socket->pinged = true;
		qlm_websocket_send_control(socket, QLM_FRAME_PING, NULL, 0);
	}
}
