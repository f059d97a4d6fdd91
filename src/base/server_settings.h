/*
 * server_settings.h
 *		Settings of how others call this node; registered in settings.c.
 */
#ifndef QLM_SERVER_SETTINGS_H
#define QLM_SERVER_SETTINGS_H

extern char *qlm_listen_addresses;	/* where the HTTP server listens */
extern int	qlm_port;
extern int	qlm_http_workers;	/* of each database */
extern char *qlm_url;			/* of this node for others; empty: none */
extern int	qlm_request_timeout;	/* ms */
extern int	qlm_header_timeout;	/* ms */
extern int	qlm_keepalive_timeout;	/* ms */
extern int	qlm_ping_interval;	/* ms */
extern int	qlm_max_wait;		/* seconds that a request is held */
extern int	qlm_max_connections;
extern int	qlm_max_connections_per_address;	/* 0: no limit */
extern int	qlm_large_message;	/* bytes; 0: none is large */
extern char *qlm_proxies;		/* for address.h */
extern char *qlm_cors_origins;	/* for origin.h */
extern char *qlm_host_names;	/* for host.h */
extern bool qlm_compression;
extern bool qlm_http_errors;

#endif							/* QLM_SERVER_SETTINGS_H */
