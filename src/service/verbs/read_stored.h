/*
 * read_stored.h
 *		A read of what is stored here.
 */
#ifndef QLM_READ_STORED_H
#define QLM_READ_STORED_H

#include "message/envelope.h"

/* Adds what is found and what is missing; false: nothing is found. */
extern bool qlm_read_stored(const QlmRequest *request, QlmRequest *response);

#endif							/* QLM_READ_STORED_H */
