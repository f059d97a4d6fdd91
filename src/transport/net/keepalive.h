/*
 * keepalive.h
 *		Connections that are silent for long: the network is to keep them, or
 *		we are to know that it has not.
 */
#ifndef QLM_KEEPALIVE_H
#define QLM_KEEPALIVE_H

/* Have the system probe this TCP socket; returns it, whatever came of that. */
extern int	qlm_keepalive(int fd);

#endif							/* QLM_KEEPALIVE_H */
