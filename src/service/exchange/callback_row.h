/*
 * callback_row.h
 *		Rows of the outbox for callbacks, and whom a row is from.
 */
#ifndef QLM_CALLBACK_ROW_H
#define QLM_CALLBACK_ROW_H

#include "service/exchange/exchange.h"
#include "storage/outbox/outbox.h"

/*
 * A response for a callback of this peer (0: of none).  What waits for a
 * connection is nobody else's, not even its peer's.
 */
extern void qlm_callback_row(QlmOutboxRow *row, const char *callback, int peer_id,
							 const char *peer);

/* Who has asked for it, or subscribed to it */
extern void qlm_row_asked_by(QlmOutboxRow *row, Oid role, int peer_id, const char *peer);
extern void qlm_row_asked_by_exchange(QlmOutboxRow *row, const QlmExchange *exchange);

#endif							/* QLM_CALLBACK_ROW_H */
