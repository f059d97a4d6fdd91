/*
 * withheld.h
 *		May anything leave this node by itself?
 *
 * Not where the configuration says so, and not where the node is a copy, of which
 * nobody has said that the rows are its own.
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
