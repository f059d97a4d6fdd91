/*
 * postings.h
 *		Rows on their way from the outbox: one posting for each endpoint, in
 *		which they are posted one after the other.
 */
#ifndef QLM_POSTINGS_H
#define QLM_POSTINGS_H

#include "datatype/timestamp.h"
#include "transport/client/http_client.h"

extern void qlm_postings_init(QlmHttpClient *client);

/* Within a transaction: lease what is due, as long as there is room. */
extern void qlm_postings_lease(void);

/* Instead: nothing more may leave than what is on its way. */
extern void qlm_postings_hold(void);

/* That transaction has failed. */
extern void qlm_postings_forget_leases(void);

/* After it, or one that records, has committed: go on. */
extern void qlm_postings_start(void);

/* Post what is to be posted, unless what has ended must be looked at first. */
extern void qlm_postings_post(void);

extern void qlm_postings_finished(QlmTransfer *transfer);

/*
 * Give up waiting for some that have never answered, if others wait for their
 * place; and when that may be.
 */
extern void qlm_postings_give_way(void);
extern TimestampTz qlm_postings_give_way_due(void);

/* Is there something to record now, or at all, and until when may it wait? */
extern bool qlm_postings_to_record(void);
extern bool qlm_postings_has_unrecorded(void);
extern TimestampTz qlm_postings_record_due(void);

/*
 * Within a transaction: what became of the rows; and within one for each,
 * as long as there are any, what peers have answered.
 */
extern void qlm_postings_record(void);
extern bool qlm_postings_has_answer(void);
extern void qlm_postings_record_answer(void);

#endif							/* QLM_POSTINGS_H */
