/*
 * no_message.h
 *		What came instead of a message, by how it begins.
 */
#ifndef QLM_NO_MESSAGE_H
#define QLM_NO_MESSAGE_H

#include "postgres.h"

/* A sentence; NULL: it begins as a message does, or there is nothing */
extern const char *qlm_no_message_explain(const char *data, Size len);

#endif							/* QLM_NO_MESSAGE_H */
