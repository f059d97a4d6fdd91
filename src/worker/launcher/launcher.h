/*
 * launcher.h
 *		The launcher: starts, watches and ends the workers of all databases.
 */
#ifndef QLM_LAUNCHER_H
#define QLM_LAUNCHER_H

#include "postgres.h"

/* Register it with the postmaster; only while libraries are preloaded. */
extern void qlm_launcher_register(void);

extern PGDLLEXPORT void qlm_launcher_main(Datum arg);

#endif							/* QLM_LAUNCHER_H */
