/*
 * client_settings.h
 *		Settings of how this node calls others; registered in settings.c.
 */
#ifndef QLM_CLIENT_SETTINGS_H
#define QLM_CLIENT_SETTINGS_H

/* A URL; empty: none */
extern char *qlm_proxy;

/* Do callbacks that no administrator has configured go through it? */
extern bool qlm_proxy_callbacks;
extern int	qlm_max_transfers;	/* at a time */
extern int	qlm_callback_timeout;	/* ms */
extern int	qlm_connection_age;	/* seconds that a connection is used */

/* Is a callback that is answered by a web page not delivered? */
extern bool qlm_refuse_pages;

/* Hosts and networks that callbacks may go to; empty: for peers those of known
 * peers, for others none */
extern char *qlm_callback_allow;

/* Hosts that are called without a proxy, with all below them */
extern char *qlm_no_proxy;

#endif							/* QLM_CLIENT_SETTINGS_H */
