/*
 * databases.h
 *		The setting qlm.databases: where workers run.
 */
#ifndef QLM_DATABASES_H
#define QLM_DATABASES_H

#include "postgres.h"

#include "nodes/pg_list.h"

extern char *qlm_databases;

#define QLM_MAX_HTTP_WORKERS	16	/* of each */

/* An entry of qlm.databases; port 0: that of qlm.port */
typedef struct QlmDatabase
{
	char	   *name;
	int			port;
} QlmDatabase;

/* Parse a list of name[:port]; false, with *bad set, where it is not one. */
extern bool qlm_databases_parse(const char *value, List **databases,
								const char **bad);

/* The entries of the setting, palloc'd */
extern List *qlm_databases_list(void);

#endif							/* QLM_DATABASES_H */
