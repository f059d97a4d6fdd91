/*
 * websocket_life.c
 *		Detects WebSockets whose other end is gone.
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

#include "base/server_settings.h"
#include "transport/websocket/websocket_life.h"
#include "transport/websocket/websocket_state.h"

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
	return socket->out.bytes + queued;
}

/* Look at it from now on, so that it is known when something has moved. */
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
 * Has it shown no sign of life in time?  Who is not read from is not to blame,
 * unless that is because it reads nothing itself; and a slow network, in which
 * what was sent before the ping still moves on, is one that lives.
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
 * What takes too long: to read what is sent, to send a message that has begun,
 * to answer a ping, to close.
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
