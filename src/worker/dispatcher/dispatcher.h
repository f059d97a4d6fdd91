/*
 * dispatcher.h
 *		The dispatcher worker.
 */
#ifndef QLM_DISPATCHER_H
#define QLM_DISPATCHER_H

#include "postgres.h"

extern PGDLLEXPORT void qlm_dispatcher_main(Datum arg);

#endif							/* QLM_DISPATCHER_H */
