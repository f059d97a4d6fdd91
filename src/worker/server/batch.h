/*
 * batch.h
 *		What has arrived at a server worker is run as one batch, and answered.
 */
#ifndef QLM_BATCH_H
#define QLM_BATCH_H

#include "process/shmem.h"
#include "transport/web_server.h"

/*
 * Take what is complete, within bounds, run it as one transaction if that
 * works, and give each its answer.  Returns how many there were.
 */
extern int	qlm_batch_run(QlmWebServer *server, QlmWorkerSlot *slot);

#endif							/* QLM_BATCH_H */
