/*
 * run.h
 *		One run of the courier: the messages of an endpoint, on their way.
 */
#ifndef QLM_RUN_H
#define QLM_RUN_H

#include "storage/outbox/delivery.h"
#include "transport/client/http_client.h"
#include "worker/dispatcher/doubt.h"
#include "worker/dispatcher/shares.h"

typedef enum QlmRunState
{
	QLM_RUN_CLAIMED,				/* the claim has not committed yet */
	QLM_RUN_READY,					/* to be posted, unless it has ended */
	QLM_RUN_POSTING,
	QLM_RUN_FINISHED,				/* the transfer is to be recorded */
	QLM_RUN_RECORDING,				/* the record has not committed yet */
	QLM_RUN_ENDING					/* as RECORDING, and nothing comes after it */
} QlmRunState;

typedef struct QlmRun
{
	MemoryContext context;
	QlmEndpoint *endpoint;
	List	   *messages;		/* of QlmMessage *, the current one first */
	List	   *taken;			/* delivered but not recorded, QlmMessage * */
	TimestampTz taken_since;
	QlmRunState	state;
	QlmShare	share;
	bool		goes_on;		/* there may be more than was claimed */
	TimestampTz posted_at;
	QlmTransfer transfer;

	/* What became of the transfer */
	QlmReception reception;
	char		why[QLM_MAX_RECEPTION];
	QlmDoubts	doubts;			/* messages that are set aside */
	int			npages;			/* answers that were web pages, not recorded yet */
	char		page[QLM_MAX_RECEPTION];	/* first words of the last */
} QlmRun;

static inline QlmMessage *
qlm_run_current(const QlmRun *run)
{
	return linitial(run->messages);
}

/* run_record.c: its transfer was answered by a web page */
extern void qlm_run_note_page(QlmRun *run);

/* run_record.c: what became of its transfer and of what was taken before */
extern void qlm_run_record(QlmRun *run);

#endif							/* QLM_RUN_H */
