/*
 * settings.h
 *		The settings qlm.*, for the layers from process on.  Those that lower
 *		layers use are declared there, next to what they bound.
 */
#ifndef QLM_SETTINGS_H
#define QLM_SETTINGS_H

#include "postgres.h"
#include "nodes/pg_list.h"

extern char *qlm_databases;
extern char *qlm_listen_addresses;
extern int	qlm_port;
extern int	qlm_http_workers;
extern int	qlm_request_timeout;	/* ms */
extern int	qlm_keepalive_timeout;	/* ms */
extern int	qlm_ping_interval;	/* ms */
extern char *qlm_proxy;
extern bool qlm_proxy_callbacks;
extern int	qlm_large_message;	/* bytes; 0: none is large */
extern int	qlm_header_timeout;		/* ms */
extern int	qlm_max_connections;
extern int	qlm_max_connections_per_address;	/* 0: no limit */
extern char *qlm_proxies;		/* for base/address.h */
extern char *qlm_cors_origins;	/* for base/origin.h */
extern char *qlm_host_names;	/* for base/host.h */
extern bool qlm_compression;
extern bool qlm_http_errors;
extern int	qlm_max_wait;	/* seconds */
extern int	qlm_max_transfers;
extern int	qlm_callback_timeout;	/* ms */

/* An entry of qlm.databases; port 0: that of qlm.port */
typedef struct QlmDatabase
{
	char	   *name;
	int			port;
} QlmDatabase;

#define QLM_MAX_HTTP_WORKERS	16

extern void qlm_settings_register(void);

/* The entries of qlm.databases, palloc'd */
extern List *qlm_settings_databases(void);

#endif							/* QLM_SETTINGS_H */
