/*
 * withheld.h
 *		Whether outgoing messages of this node are held.
 *
 * They are if qlm.outgoing is off, or if the node is a copy before
 * qlm_adopt().
 */
#ifndef QLM_WITHHELD_H
#define QLM_WITHHELD_H

#include "process/shmem.h"

/*
 * For the dispatcher, in a transaction with SPI: writes the marker of the place,
 * and says in the log and in the slot what has changed.
 */
extern bool qlm_withheld_look(QlmWorkerSlot *slot);

/* For GET /health, in a transaction with SPI */
typedef enum QlmWithheld
{
	QLM_WITHHELD_NOT,
	QLM_WITHHELD_OFF,				/* by qlm.outgoing */
	QLM_WITHHELD_COPY				/* nothing is handed out either */
} QlmWithheld;

extern QlmWithheld qlm_withheld(void);

#endif							/* QLM_WITHHELD_H */
