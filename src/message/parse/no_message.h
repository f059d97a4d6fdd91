/*
 * no_message.h
 *		Describes a body that is not a message, by its beginning.
 */
#ifndef QLM_NO_MESSAGE_H
#define QLM_NO_MESSAGE_H

#include "postgres.h"

/* A sentence; NULL: it begins as a message does, or there is nothing */
extern const char *qlm_no_message_explain(const char *data, Size len);

#endif							/* QLM_NO_MESSAGE_H */
