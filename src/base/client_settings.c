/*
 * client_settings.c
 *		Settings of how this node calls others.
 */
#include "postgres.h"

#include "base/client_settings.h"

char	   *qlm_proxy = NULL;
bool		qlm_proxy_callbacks = false;
int			qlm_max_transfers = 64;
int			qlm_callback_timeout = 10000;
int			qlm_connection_age = 300;
bool		qlm_refuse_pages = false;
char	   *qlm_callback_allow = NULL;
char	   *qlm_no_proxy = NULL;
