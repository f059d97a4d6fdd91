/*
 * large_message_main.h
 *		The process that runs one large message for a server worker.
 */
#ifndef QLM_LARGE_MESSAGE_MAIN_H
#define QLM_LARGE_MESSAGE_MAIN_H

#include "postgres.h"

/* Entry point of the background worker: the handle of what it shares with the worker */
extern PGDLLEXPORT void qlm_large_message_main(Datum handle);

#endif							/* QLM_LARGE_MESSAGE_MAIN_H */
