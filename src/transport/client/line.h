/*
 * line.h
 *		A WebSocket that this node opens, from inside: shared by lines.c (all of
 *		them), line_open.c (until it is open) and line.c (what goes through it).
 */
#ifndef QLM_LINE_H
#define QLM_LINE_H

#include "lib/ilist.h"

#include "transport/client/http_operation.h"
#include "transport/client/lines.h"
#include "transport/client/upgrade.h"
#include "transport/websocket/frame.h"
#include "transport/websocket/handshake.h"

#define QLM_LINE_BUFFER		(64 * 1024)

/* A frame, or a handshake, on its way out.  It may not move: TLS wants that. */
typedef struct QlmLinePiece
{
	slist_node	node;
	Size		len;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} QlmLinePiece;

typedef enum QlmLineState
{
	QLM_LINE_CONNECTING,		/* up to TLS, by the library */
	QLM_LINE_ASKING,			/* for the upgrade */
	QLM_LINE_OPEN,
	QLM_LINE_CLOSING,			/* the close is among what is to be sent */
	QLM_LINE_GONE
} QlmLineState;

/* Times are milliseconds of a clock that is never set. */
typedef struct QlmLine
{
	dlist_node	node;
	dlist_node	finished_node;
	QlmLines   *lines;
	QlmLineState state;

	/* where it leads */
	char	   *url;
	char	   *authorization;
	char	   *proxy;			/* NULL: none */
	bool		proxy_for_all;
	bool		any_address;

	/* the connection */
	QlmHttpOperation *op;
	CURLM	   *multi;			/* its own: others would close what seems idle */
	uint64		nconnections;	/* the how many-th it is */
	int			epoll;
	curl_socket_t fd;
	bool		wants_to_send;	/* as the epoll set knows */

	/* in */
	char		accept[QLM_ACCEPT_SIZE];
	char	   *head;			/* of the answer to the upgrade */
	Size		head_len;
	QlmFrameReader reader;
	bool		in_message;
	bool		is_envelope;	/* the message that comes looks like one */
	bool		has_more;		/* there may be more to read at once */
	Size		nread;			/* since the last push */

	/* out */
	slist_head	pieces;
	slist_node *last_piece;
	int			npieces;
	Size		piece_at;		/* sent of the first one */

	/* what is pushed */
	QlmTransfer *transfer;		/* NULL: nothing */
	bool		is_finished;	/* and waits to be taken */
	bool		was_used;		/* something was acknowledged before */
	uint32		secret;			/* of this connection, in its pings */
	uint64		npushes;
	uint64		nanswers;		/* messages that came after a push */
	bool		answers_pings;
	bool		acknowledges;	/* said so: its answers count, not its pongs */
	bool		is_sent;		/* the last push */
	bool		is_heard;		/* anything since it */
	int64		pushed_at;
	int64		deadline;		/* of the transfer */
	int64		heard_at;
	int64		pinged_at;		/* 0: not since it was heard */
	int64		idle_since;
	int64		opened_at;
	int64		close_by;
} QlmLine;

struct QlmLines
{
	MemoryContext context;
	QlmAddressCheck allowed;
	int			epoll;
	dlist_head	all;
	dlist_head	finished;
	int			nrunning;		/* transfers, finished ones included */
	char		buffer[QLM_LINE_BUFFER];
};

extern int64 qlm_line_now(void);

/* NULL: no memory */
extern void *qlm_line_alloc(QlmLine *line, Size size);

/* line_open.c: connect for its transfer, and go on with it */
extern void qlm_line_connect(QlmLine *line);
extern void qlm_line_go_on_connecting(QlmLine *line);
extern bool qlm_line_is_its_address(QlmLine *line);
extern void qlm_line_take_head(QlmLine *line, const char *data, Size len);
extern void qlm_line_disconnect(QlmLine *line);

/* line.c */
extern void qlm_line_push(QlmLine *line);
extern void qlm_line_go_on(QlmLine *line);
extern void qlm_line_check_times(QlmLine *line, int64 now);
extern int64 qlm_line_due(const QlmLine *line);
extern void qlm_line_begin_close(QlmLine *line, int code);
extern void qlm_line_send(QlmLine *line, QlmLinePiece *piece);
extern void qlm_line_send_control(QlmLine *line, QlmFrameKind kind,
								  const char *payload, Size len);
extern void qlm_line_take_frames(QlmLine *line, char *data, Size len);

/*
 * It does not go on, which its transfer, if it has one, is told.  Where it may
 * have been dead for long, that is tried on a new connection first.
 */
extern void qlm_line_fail(QlmLine *line, const char *error);

/* The same for good: another try would end as this one; status as of HTTP, 0:
 * none */
extern void qlm_line_refuse(QlmLine *line, int status, const char *error);

/* lines.c: its transfer is done with */
extern void qlm_line_finish(QlmLine *line);

#endif							/* QLM_LINE_H */
