/*
 * turn.h
 *		One turn of a server worker: what has arrived is run and answered.
 */
#ifndef QLM_TURN_H
#define QLM_TURN_H

#include "process/shmem.h"
#include "transport/http/http_server.h"

/*
 * Take what is complete, within bounds, run it as one transaction if that
 * works, and give each its answer.  Returns how many there were.
 */
extern int	qlm_turn_run(QlmHttpServer *server, QlmWorkerSlot *slot);

#endif							/* QLM_TURN_H */
