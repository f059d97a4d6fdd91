/*
 * outbox_answer.h
 *		Answers of peers: which row of the outbox they belong to, and recording them.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_OUTBOX_ANSWER_H
#define QLM_STORAGE_OUTBOX_ANSWER_H

/*
 * How well does an answer without id fit a row that is outstanding, the only
 * one or one of several?  0: not at all
 */
typedef int (*QlmFit) (const char *envelope, bool only, void *arg);

/* What a peer has answered */
typedef struct QlmAnswer
{
	int			return_code;
	const char *text;			/* an envelope */
	const char *refusal;		/* why that is no success; NULL: it is */
	QlmFit		fit;			/* to a row */
	bool		(*is_later) (const char *envelope, void *arg);	/* of this one? */
	void	   *arg;
} QlmAnswer;

/*
 * An answer came from a peer.  By id: only if the row is that peer's.
 * Without id (0): the one sent that it fits best; where several do equally, the
 * oldest of those that let no others pass, else the last one sent.  Returns the
 * row's id, 0 if there is none.  A repeated answer changes nothing and returns
 * the id.  Where it says "not now" the row waits to be sent again, more and
 * more rarely.
 * forwarded: the row was sent on for somebody else.  data: it was data
 * for a callback, which the peer has acknowledged.
 */
extern int64 qlm_outbox_answer(int peer_id, int64 message_id,
							   const QlmAnswer *answer,
							   bool *forwarded, bool *data);

/*
 * This transaction has recorded its answer, but may not store what that brought:
 * it is answered with this code.
 */
extern void qlm_outbox_not_stored(int peer_id, int64 message_id, int code,
								  const char *why);

#endif							/* QLM_STORAGE_OUTBOX_ANSWER_H */
