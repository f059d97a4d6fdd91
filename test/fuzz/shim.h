/*
 * shim.h
 *		As much of a backend as the pure layers call.
 */
#ifndef QLM_SHIM_H
#define QLM_SHIM_H

#include "postgres.h"

/* Free everything that has been allocated. */
extern void shim_reset(void);

/* Bytes allocated and not freed */
extern Size shim_memory(void);

#endif							/* QLM_SHIM_H */
