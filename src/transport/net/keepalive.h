/*
 * keepalive.h
 *		TCP keepalive of silent connections, so that NATs do not forget them,
 *		or their end is noticed.
 */
#ifndef QLM_KEEPALIVE_H
#define QLM_KEEPALIVE_H

/* Have the system probe this TCP socket; returns it, whatever came of that. */
extern int	qlm_keepalive(int fd);

#endif							/* QLM_KEEPALIVE_H */
