/*
 * keepalive.c
 *		TCP keepalive for idle connections.
 *
 * Probes are sent more often than NATs forget connections.  Data that are not
 * acknowledged are left to the timeouts of the senders: a receiver may take
 * its time.
 */
#include "postgres.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "transport/net/keepalive.h"

#define IDLE_SECONDS	20
#define PROBE_SECONDS	5
#define PROBES			4		/* without an answer: it is lost */

int
qlm_keepalive(int fd)
{
	int			on = 1;
	int			idle = IDLE_SECONDS;
	int			probe = PROBE_SECONDS;
	int			probes = PROBES;

	if (fd < 0)
		return fd;
	(void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &probe, sizeof(probe));
	(void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	return fd;
}
