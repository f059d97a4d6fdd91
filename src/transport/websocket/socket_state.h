/*
 * socket_state.h
 *		A WebSocket from inside: shared by socket_set.c (all of them),
 *		websocket.c (one of them) and socket_out.c (what it sends).
 */
#ifndef QLM_SOCKET_STATE_H
#define QLM_SOCKET_STATE_H

#include "lib/ilist.h"

#include "transport/websocket/frame.h"
#include "transport/websocket/socket_set.h"

/* Bounds of what waits for one socket; one message may go beyond */
#define QLM_SOCKET_LINE_MESSAGES	256 /* not yet answered */
#define QLM_SOCKET_LINE_START		16	/* the same at first */
#define QLM_SOCKET_LINE_BYTES		(1024 * 1024)
#define QLM_SOCKET_OUT_MESSAGES		100 /* not yet sent */
#define QLM_SOCKET_OUT_BYTES		(1024 * 1024)

#define QLM_SOCKET_BUFFER			(64 * 1024)

/* A frame on its way out */
typedef struct QlmSocketChunk
{
	slist_node	node;
	Size		len;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} QlmSocketChunk;

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
	dlist_node	line;			/* in the set's ready, left or answered */
	char	   *body;
	QlmSocketChunk *answer;		/* waits for those before it */
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

struct QlmWebSocket
{
	QlmSocketSet *set;
	uint64		id;
	void	   *owner;
	int			fd;
	const char *path;			/* of the upgrade; one piece of memory */
	const char *peer_name;
	const char *authorization;
	QlmClient	client;
	bool		acknowledge;	/* all messages are to be answered */
	QlmSocketState state;
	uint32		events;			/* watched for */
	int			nrefs;			/* messages that point here */
	dlist_node	node;			/* in the set's open */
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
	slist_head	chunks;
	slist_node *last_chunk;
	int			nchunks;
	Size		out_bytes;
	Size		chunk_at;		/* sent of the first one */
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

struct QlmSocketSet
{
	MemoryContext context;
	QlmSourceSet *sources;
	QlmBudget  *budget;
	int			epoll;
	bool		ending;
	dlist_head	open;
	int			nopen;
	dlist_head	dirty;
	dlist_head	ready;			/* messages in line */
	dlist_head	left;
	dlist_head	answered;		/* freed in the next run */
	dlist_head	news;
	dlist_head	told;			/* ended, freed in the next run if possible */
	uint64		last_id;
	Size		unsent;			/* of all chunks */
	TimestampTz next_sweep;
	char		buffer[QLM_SOCKET_BUFFER];
};

/* NULL: no memory */
extern void *qlm_socket_alloc(QlmSocketSet *set, Size size);

/* socket_set.c */
extern void qlm_socket_mark(QlmWebSocket *socket);
extern void qlm_socket_tell(QlmWebSocket *socket);
extern void qlm_socket_drop(QlmWebSocket *socket);

/* websocket.c: bytes are there; or look again at what could not go on */
extern void qlm_socket_receive(QlmWebSocket *socket);
extern void qlm_socket_forget_body(QlmWebSocket *socket);
extern bool qlm_socket_go_on(QlmWebSocket *socket);	/* false: it is gone */
extern bool qlm_socket_may_read(const QlmWebSocket *socket);
extern bool qlm_socket_is_full(const QlmWebSocket *socket);	/* to be sent */
extern void qlm_socket_begin_close(QlmWebSocket *socket, int code,
								   const char *reason);

/* socket_life.c */
extern void qlm_socket_check_life(QlmWebSocket *socket, TimestampTz now,
								  bool listens);

/* socket_out.c */
extern QlmSocketChunk *qlm_socket_chunk(QlmSocketSet *set, QlmFrameKind kind,
										const char *data, Size len);
extern void qlm_socket_chunk_free(QlmSocketSet *set, QlmSocketChunk *chunk);
extern void qlm_socket_send(QlmWebSocket *socket, QlmSocketChunk *chunk);
extern void qlm_socket_flush(QlmWebSocket *socket);
extern void qlm_socket_forget_output(QlmWebSocket *socket);

#endif							/* QLM_SOCKET_STATE_H */
