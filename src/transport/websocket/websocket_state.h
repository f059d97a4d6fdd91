/*
 * websocket_state.h
 *		A WebSocket of a caller from inside, and what the sockets of a set share.
 *		For websocket.c, websocket_life.c and websocket_set.c alone.
 */
#ifndef QLM_WEBSOCKET_STATE_H
#define QLM_WEBSOCKET_STATE_H

#include "lib/ilist.h"

#include "transport/http/http_request.h"
#include "transport/http/source_set.h"
#include "transport/websocket/frame.h"
#include "transport/websocket/frame_queue.h"

/* Bounds of what waits for one socket; one message may go beyond */
#define QLM_SOCKET_LINE_MESSAGES	256 /* not yet answered */
#define QLM_SOCKET_LINE_START		16	/* the same at first */
#define QLM_SOCKET_LINE_BYTES		(1024 * 1024)
#define QLM_SOCKET_OUT_MESSAGES		100 /* not yet sent */
#define QLM_SOCKET_OUT_BYTES		(1024 * 1024)

#define QLM_SOCKET_BUFFER			(64 * 1024)

typedef enum QlmMessagePhase
{
	QLM_MESSAGE_READY,			/* in line */
	QLM_MESSAGE_TAKEN,
	QLM_MESSAGE_HELD,
	QLM_MESSAGE_LEFT,			/* held, and its client is gone */
	QLM_MESSAGE_ANSWERED
} QlmMessagePhase;

typedef struct QlmSocketMessage
{
	QlmHttpRequest request;		/* first: requests are cast to messages */
	QlmMessagePhase phase;
	QlmFrameKind kind;
	dlist_node	order;			/* in the socket's messages */
	dlist_node	line;			/* in the shared ready, left or answered */
	char	   *body;
	QlmQueuedFrame *answer;		/* waits for those before it */
	Size		bytes;			/* of body and answer */
} QlmSocketMessage;

typedef enum QlmSocketState
{
	QLM_SOCKET_OPEN,
	QLM_SOCKET_CLOSING,			/* as soon as its messages are answered */
	QLM_SOCKET_CLOSED,			/* the close is among what is to be sent */
	QLM_SOCKET_FINISHED,		/* sent; waits for the other end */
	QLM_SOCKET_GONE
} QlmSocketState;

/* What one of them has to tell the set is put in a list here, which the set goes through. */
typedef struct QlmWebSocketShared
{
	MemoryContext context;
	QlmSourceSet *sources;
	QlmBodyBudget *budget;
	bool		ending;
	dlist_head	dirty;			/* to be looked after in the next run */
	dlist_head	ready;			/* messages in line */
	dlist_head	left;
	dlist_head	answered;		/* freed in the next run */
	dlist_head	news;
	TimestampTz next_sweep;		/* look at all then */
	char		buffer[QLM_SOCKET_BUFFER];
} QlmWebSocketShared;

struct QlmWebSocket
{
	QlmWebSocketShared *shared;
	void	   *owner;
	int			fd;
	const char *path;			/* of the upgrade; one piece of memory */
	const char *peer_name;
	const char *authorization;
	QlmClientAddress client;
	bool		acknowledge;	/* all messages are to be answered */
	QlmSocketState state;
	uint32		events;			/* watched for */
	int			nrefs;			/* messages that point here */
	dlist_node	node;			/* in the set's open ones */
	QlmGuest	guest;
	dlist_node	dirty_node;
	dlist_node	news_node;
	bool		is_dirty;		/* look after it in the next run */
	bool		has_news;
	bool		wants_room;		/* was told that there is none */
	bool		told_end;

	/* in */
	QlmFrameReader reader;
	char	   *rest;			/* bytes that nobody has looked at yet */
	Size		rest_at;
	Size		rest_len;
	char	   *body;			/* of the message that is coming */
	Size		body_len;
	Size		body_size;
	QlmFrameKind last_kind;
	dlist_head	messages;		/* not answered, or behind such */
	int			nmessages;
	int			window;			/* so many at most */
	Size		message_bytes;
	Size		cost;			/* of bodies, in the budget */
	bool		is_proxied;
	bool		peer_closed;	/* it sends nothing any more */
	bool		at_end;			/* nor is there anything to read */
	bool		failed;

	/* out */
	QlmFrameQueue out;
	int			close_code;
	char		close_reason[QLM_MAX_CONTROL];

	TimestampTz heard_at;
	TimestampTz sent_at;		/* or had nothing to send */
	TimestampTz begun_at;		/* the frame or message that is coming */
	TimestampTz close_by;
	TimestampTz life_by;		/* a sign of it must come; 0: none is waited for */
	TimestampTz moved_at;		/* what is sent */
	Size		unconfirmed;	/* bytes of it, when that was last looked at */
	bool		pinged;			/* since it was heard */
};

#endif							/* QLM_WEBSOCKET_STATE_H */
