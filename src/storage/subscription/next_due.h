/*
 * next_due.h
 *		When something is due next that the dispatcher does.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_NEXT_DUE_H
#define QLM_STORAGE_NEXT_DUE_H

#include "datatype/timestamp.h"

/*
 * When must the dispatcher look again at the latest?  DT_NOEND: no reason.
 * to_take_up: is there a forwarded subscription or a collection to go on with?
 */
extern TimestampTz qlm_next_due(bool *to_take_up);

#endif							/* QLM_STORAGE_NEXT_DUE_H */
