/*
 * epoll.h
 *		Sets of descriptors that are waited for together.
 */
#ifndef QLM_EPOLL_H
#define QLM_EPOLL_H

/* A new one; raises an error if there can be none. */
extern int	qlm_epoll_create(void);

/* Have a set be readable where another one is. */
extern void qlm_epoll_nest(int epoll, int other);

#endif							/* QLM_EPOLL_H */
