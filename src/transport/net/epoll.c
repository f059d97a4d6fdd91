/*
 * epoll.c
 *		Sets of descriptors that are waited for together.
 */
#include "postgres.h"

#include <sys/epoll.h>

#include "transport/net/epoll.h"

int
qlm_epoll_create(void)
{
	int			fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m")));
	return fd;
}

void
qlm_epoll_nest(int epoll, int other)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = other};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, other, &event) != 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not watch an epoll descriptor: %m")));
}
