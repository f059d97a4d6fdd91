/*
 * server.h
 *		The server worker: HTTP for one database.
 */
#ifndef QLM_SERVER_H
#define QLM_SERVER_H

#include "postgres.h"

/* Entry point of the background worker; its order is in bgw_extra. */
extern PGDLLEXPORT void qlm_server_main(Datum arg);

#endif							/* QLM_SERVER_H */
