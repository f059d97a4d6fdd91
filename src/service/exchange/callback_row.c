/*
 * callback_row.c
 *		Outbox rows for callbacks, and who asked for an outbox row.
 */
#include "postgres.h"

#include "service/exchange/callback_row.h"
#include "storage/outbox/connection.h"

void
qlm_callback_row(QlmOutboxRow *row, const char *callback, int peer_id,
				 const char *peer)
{
	memset(row, 0, sizeof(QlmOutboxRow));
	if (!qlm_is_connection(callback))
	{
		row->peer_id = peer_id;
		row->peer = peer;
	}
	row->url = callback;
	row->is_response = true;
}

void
qlm_row_asked_by(QlmOutboxRow *row, Oid role, int peer_id, const char *peer)
{
	row->asker_role = role;
	row->asker_peer_id = peer_id;
	row->asker_peer = peer;
}

void
qlm_row_asked_by_exchange(QlmOutboxRow *row, const QlmExchange *exchange)
{
	qlm_row_asked_by(row, exchange->role, qlm_exchange_peer_id(exchange),
					 qlm_exchange_peer_name(exchange));
}
