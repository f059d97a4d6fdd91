/*
 * write.h
 *		Payloads into tables, many messages at once.
 */
#ifndef QLM_WRITE_H
#define QLM_WRITE_H

#include "message/odf.h"
#include "storage/write/write_outcome.h"

/*
 * Store payloads with the rights of the current user: Objects and InfoItems
 * that are missing are made, what describes nodes is merged, values are inserted in
 * one statement.  What the database refuses raises an error.
 */
extern void qlm_write_run(QlmWrite *writes, int n);

/*
 * The time a message is taken to have arrived: now, or as much later as keeps
 * it apart from what this process has given before; room is made for as many
 * values without a time, 1 microsecond each.
 */
extern TimestampTz qlm_write_receipt(int nvalues);

#endif							/* QLM_WRITE_H */
