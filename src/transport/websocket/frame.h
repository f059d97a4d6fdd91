/*
 * frame.h
 *		Frames of WebSockets (RFC 6455), as both ends read and write them.
 *		Pure functions on bytes: no sockets, no memory of their own.
 */
#ifndef QLM_FRAME_H
#define QLM_FRAME_H

#include "c.h"

typedef enum QlmFrameKind
{
	QLM_FRAME_CONTINUATION = 0,
	QLM_FRAME_TEXT = 1,
	QLM_FRAME_BINARY = 2,
	QLM_FRAME_CLOSE = 8,
	QLM_FRAME_PING = 9,
	QLM_FRAME_PONG = 10
} QlmFrameKind;

/* Reasons to close */
#define QLM_CLOSE_NORMAL		1000
#define QLM_CLOSE_GOING_AWAY	1001
#define QLM_CLOSE_PROTOCOL		1002
#define QLM_CLOSE_NOT_TAKEN		1003	/* a kind of data */
#define QLM_CLOSE_NO_CODE		1005	/* never sent */
#define QLM_CLOSE_NOT_UTF8		1007
#define QLM_CLOSE_POLICY		1008
#define QLM_CLOSE_TOO_LARGE		1009
#define QLM_CLOSE_INTERNAL		1011

#define QLM_MAX_CONTROL			125 /* bytes of a ping, pong or close */
#define QLM_MAX_FRAME_HEADER	10	/* of a frame that is not masked */
#define QLM_MAX_MASKED_HEADER	14

typedef enum QlmFrameEvent
{
	QLM_FRAME_MORE,				/* nothing until more bytes come */
	QLM_FRAME_PART,				/* a part of a message */
	QLM_FRAME_MESSAGE,			/* its last part, which may be empty */
	QLM_FRAME_CONTROL,			/* a ping, pong or close */
	QLM_FRAME_BAD				/* and from now on nothing else */
} QlmFrameEvent;

/* What a reader has found: payload is unmasked and lies in the bytes given to
 * it (PART, MESSAGE) or in the reader (CONTROL, where it ends with a NUL). */
typedef struct QlmFrame
{
	QlmFrameKind kind;			/* of the message, or of the control frame */
	char	   *payload;		/* of a close: its reason */
	Size		len;
	int			code;			/* of CLOSE, and of BAD the one to close with */
	const char *error;			/* of BAD: a constant */
} QlmFrame;

typedef struct QlmFrameReader
{
	uint64		limit;			/* bytes of a message; may be changed */
	bool		from_server;	/* whose frames are not masked; set after init */

	/* the frame */
	uint8		header[14];
	int			header_len;		/* that have come */
	int			header_size;	/* that there are, as far as known */
	bool		in_payload;
	QlmFrameKind kind;
	bool		is_last;
	uint8		mask[4];
	int			mask_at;
	uint64		left;
	uint8		control[QLM_MAX_CONTROL + 1];
	int			control_len;

	/* the message */
	bool		in_message;
	QlmFrameKind message_kind;
	uint64		message_len;
	int			utf8_left;		/* bytes of a character that must come */
	uint8		utf8_min;		/* bounds of the next of them */
	uint8		utf8_max;

	int			code;			/* of what is bad; 0: all is well */
	const char *error;
} QlmFrameReader;

extern void qlm_frame_reader_init(QlmFrameReader *reader, uint64 limit);

/*
 * Take bytes, up to one event; they are changed.  *data and *len move on.
 * What is longer than the limit is refused when it is announced.
 */
extern QlmFrameEvent qlm_frame_read(QlmFrameReader *reader, char **data,
									Size *len, QlmFrame *frame);

/* Is nothing half there, neither a frame nor a message? */
extern bool qlm_frame_is_between(const QlmFrameReader *reader);

/* Write the header of a whole message or control frame; its length */
extern int	qlm_frame_header(char *to, QlmFrameKind kind, uint64 len);

/*
 * Write a whole frame as a client does, of QLM_MAX_MASKED_HEADER + len bytes at
 * most; its length
 */
extern Size qlm_frame_masked(char *to, QlmFrameKind kind, const uint8 mask[4],
							 const char *payload, Size len);

/* Write the payload of a close (at most QLM_MAX_CONTROL); its length */
extern int	qlm_frame_close(char *to, int code, const char *reason);

#endif							/* QLM_FRAME_H */
