/*
 * server_settings.c
 *		Settings of how others call this node.
 */
#include "postgres.h"

#include "base/server_settings.h"

char	   *qlm_listen_addresses = NULL;
int			qlm_port = 8090;
int			qlm_http_workers = 2;
char	   *qlm_url = NULL;
int			qlm_request_timeout = 60000;
int			qlm_header_timeout = 10000;
int			qlm_keepalive_timeout = 75000;
int			qlm_ping_interval = 20000;
int			qlm_max_wait = 55;
int			qlm_max_connections = 1000;
int			qlm_max_connections_per_address = 250;
int			qlm_large_message = 1024 * 1024;
char	   *qlm_proxies = NULL;
char	   *qlm_cors_origins = NULL;
char	   *qlm_host_names = NULL;
bool		qlm_compression = true;
bool		qlm_http_errors = true;
