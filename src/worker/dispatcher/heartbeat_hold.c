/*
 * heartbeat_hold.c
 *		How long calls to a peer are held, and what cuts them.
 *
 * A call that a proxy or NAT cuts while it is held is not a failure.  A call
 * that fails at once, or could not leave, is one.
 */
#include "postgres.h"

#include "storage/outbox/heartbeat_peer.h"
#include "storage/peer/peer_note.h"
#include "worker/dispatcher/heartbeat_hold.h"

#define SILENCE_MS		5000	/* beyond the hold, without a byte */
#define ANSWER_MS		30000	/* beyond the hold, for all of the answer */
#define BEGINNING		500		/* bytes that show whether it is an envelope */
#define SHORTEST_MS		900		/* a call answered earlier was not held */

void
qlm_heartbeat_hold_init(QlmHeartbeatHold *held, const QlmHeartbeat *peer, bool is_same_way)
{
	memset(held, 0, sizeof(QlmHeartbeatHold));
	held->noted = peer->hold;
	if (is_same_way)
		qlm_hold_time_init(&held->hold, peer->hold, peer->hold_cut_ms);
	else
		qlm_hold_time_init(&held->hold, 0, 0);
}

void
qlm_heartbeat_hold_begin(QlmHeartbeatHold *held, QlmTransfer *transfer)
{
	int			hold_ms = held->hold.seconds * 1000;

	transfer->prefer_wait = transfer->idle_s = held->hold.seconds;
	transfer->silence_ms = hold_ms + SILENCE_MS;
	transfer->timeout_ms = hold_ms + ANSWER_MS;
	INSTR_TIME_SET_CURRENT(held->since);
}

void
qlm_heartbeat_hold_end(QlmHeartbeatHold *held)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, held->since);
	held->elapsed_ms = (int) Min(INSTR_TIME_GET_MILLISEC(now), PG_INT32_MAX);
}

bool
qlm_heartbeat_hold_took(const QlmHeartbeatHold *held, const QlmTransfer *transfer)
{
	return transfer->waited > 0 && held->elapsed_ms >= SHORTEST_MS;
}

/*
 * Is the status one with which proxies report that the peer did not answer?
 * Some of them use 503. If an envelope comes with it, it is the peer's.
 */
static bool
is_of_box(const QlmTransfer *transfer)
{
	int			status = transfer->status;

	if (memmem(transfer->answer.data, Min(transfer->answer.len, BEGINNING), "Envelope", 8))
		return false;
	return status == 408 || status == 502 || status == 503 || status == 504 ||
		(status >= 520 && status <= 524);
}

static bool
says_too_long(int status)
{
	return status == 408 || status == 504 || status == 524;
}

/* The status may be the text of another program: it is made printable. */
static void
describe_status(const QlmTransfer *transfer, char *by, Size size)
{
	const char *server = transfer->server;

	snprintf(by, size, "HTTP status %d%s%s", transfer->status, *server ? " of " : "", server);
	for (char *p = by; *p; p++)
		if ((unsigned char) *p < ' ' || (unsigned char) *p > '~')
			*p = '?';
}

bool
qlm_heartbeat_hold_was_cut(QlmHeartbeatHold *held, const QlmTransfer *transfer,
						   char *by, Size size)
{
	if (!transfer->sent || transfer->forbidden)
		return false;
	if (transfer->timed_out)
	{
		snprintf(by, size, "nothing came: %s", transfer->error);
		return qlm_hold_time_was_silent(&held->hold);
	}
	if (transfer->status == 0)
	{
		strlcpy(by, transfer->error, size);
		return qlm_hold_time_was_cut(&held->hold, held->elapsed_ms, false);
	}
	if (transfer->error[0] || !is_of_box(transfer))
		return false;
	describe_status(transfer, by, size);
	return qlm_hold_time_was_cut(&held->hold, held->elapsed_ms, says_too_long(transfer->status));
}

void
qlm_heartbeat_hold_note_cut(QlmHeartbeatHold *held, int peer_id, const char *by)
{
	if (qlm_peer_note_cut(peer_id, held->hold.seconds, held->elapsed_ms, by))
		held->noted = held->hold.seconds;
}

void
qlm_heartbeat_hold_answered(QlmHeartbeatHold *held, int peer_id)
{
	qlm_hold_time_was_answered(&held->hold, held->elapsed_ms);
	if (held->noted != held->hold.seconds && qlm_peer_note_hold(peer_id, held->hold.seconds))
		held->noted = held->hold.seconds;
}
