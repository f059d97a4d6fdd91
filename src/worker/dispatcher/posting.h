/*
 * posting.h
 *		One posting: the rows leased for an endpoint, on their way.
 */
#ifndef QLM_POSTING_H
#define QLM_POSTING_H

#include "storage/outbox/endpoint.h"
#include "storage/outbox/outbox.h"
#include "transport/client/http_client.h"
#include "worker/dispatcher/doubt.h"
#include "worker/dispatcher/shares.h"

typedef enum QlmPostingState
{
	QLM_POSTING_LEASED,				/* the claim has not committed yet */
	QLM_POSTING_READY,					/* to be posted, unless it has ended */
	QLM_POSTING_UNDER_WAY,
	QLM_POSTING_FINISHED,				/* the transfer is to be recorded */
	QLM_POSTING_RECORDING,				/* the record has not committed yet */
	QLM_POSTING_ENDING					/* as RECORDING, and nothing comes after it */
} QlmPostingState;

typedef struct QlmPosting
{
	MemoryContext context;
	QlmEndpoint *endpoint;
	List	   *rows;			/* of QlmOutboxRow *, the current one first */
	List	   *taken;			/* delivered but not recorded, QlmOutboxRow * */
	TimestampTz taken_since;
	QlmPostingState	state;
	QlmShare	share;
	bool		goes_on;		/* there may be more than was claimed */
	TimestampTz posted_at;
	QlmTransfer transfer;

	/* What became of the transfer */
	QlmDeliveryResult delivery;
	char		why[QLM_MAX_DELIVERY_WHY];
	QlmDoubts	doubts;			/* rows that are set aside */
	int			npages;			/* answers that were web pages, not recorded yet */
	char		page[QLM_MAX_DELIVERY_WHY];	/* first words of the last */
} QlmPosting;

static inline QlmOutboxRow *
qlm_posting_current(const QlmPosting *posting)
{
	return linitial(posting->rows);
}

/* posting.c: its transfer was answered by a web page */
extern void qlm_posting_note_page(QlmPosting *posting);

/* posting.c: what became of its transfer and of what was taken before */
extern void qlm_posting_record(QlmPosting *posting);

#endif							/* QLM_POSTING_H */
