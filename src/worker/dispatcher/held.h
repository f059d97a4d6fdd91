/*
 * held.h
 *		May anything leave this node by itself?
 *
 * Not where the configuration says so, and not where the node is a copy, of which
 * nobody has said that the rows are its own.
 */
#ifndef QLM_HELD_H
#define QLM_HELD_H

#include "worker/launcher/slot.h"

/*
 * For the dispatcher, in a transaction with SPI: writes the marker of the place,
 * and says in the log and in the slot what has changed.
 */
extern bool qlm_held_look(QlmWorkerSlot *slot);

/* For GET /health, in a transaction with SPI */
typedef enum QlmHeld
{
	QLM_HELD_NOT,
	QLM_HELD_OFF,				/* by qlm.outgoing */
	QLM_HELD_COPY				/* nothing is handed out either */
} QlmHeld;

extern QlmHeld qlm_held(void);

#endif							/* QLM_HELD_H */
