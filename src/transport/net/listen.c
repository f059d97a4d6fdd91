/*
 * listen.c
 *		Listening sockets: resolves host names to IPv4 and IPv6 addresses,
 *		opens a socket for each, and accepts connections.
 */
#include "postgres.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "transport/net/listen.h"

#define BACKLOG			1024
#define SPARE_FILES		128
#define ACCEPT_PAUSE_MS	500

typedef struct Opening
{
	QlmListener *listener;
	int			port;
	bool		alone;
	StringInfo	error;
} Opening;

/* Returns a listening socket, or -1 with errno set. */
static int
open_socket(const struct addrinfo *address, bool shared)
{
	int			on = 1;
	int			save_errno;
	int			fd = socket(address->ai_family,
							SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(!shared ||
		 setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
		(address->ai_family != AF_INET6 ||
		 setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
		bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	save_errno = errno;
	close(fd);
	errno = save_errno;
	return -1;
}

/*
 * Would this be the only socket on the address?  Without SO_REUSEPORT the
 * kernel tells.
 */
static bool
is_free(const struct addrinfo *address)
{
	int			fd = open_socket(address, false);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static void
append_address(StringInfo where, const struct addrinfo *address, int port)
{
	char		host[NI_MAXHOST];

	if (getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof(host),
					NULL, 0, NI_NUMERICHOST) != 0)
		return;
	appendStringInfo(where, address->ai_family == AF_INET6 ? "%s[%s]:%d" : "%s%s:%d",
					 where->len > 0 ? ", " : "", host, port);
}

/*
 * Listens on one address.  A machine may lack an address to which its names
 * resolve, e.g. if IPv6 is disabled; it is skipped then.
 */
static bool
listen_on(Opening *opening, const struct addrinfo *address, const char *host)
{
	QlmListener *listener = opening->listener;
	int			fd = -1;

	if (listener->nsockets >= QLM_MAX_LISTEN)
	{
		appendStringInfo(opening->error, "more than %d addresses", QLM_MAX_LISTEN);
		return false;
	}
	if (!opening->alone || is_free(address))
		fd = open_socket(address, true);
	if (fd >= 0)
	{
		listener->sockets[listener->nsockets++] = fd;
		append_address(&listener->address, address, opening->port);
		return true;
	}
	if (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)
		return true;
	appendStringInfo(opening->error, "could not listen on \"%s\", port %d: %m",
					 host, opening->port);
	return false;
}

static bool
listen_on_host(Opening *opening, const char *host)
{
	struct addrinfo hints = {0};
	struct addrinfo *addresses;
	struct addrinfo *address;
	char		service[16];
	bool		ok = true;
	int			rc;

	hints.ai_flags = AI_PASSIVE;
	hints.ai_socktype = SOCK_STREAM;
	snprintf(service, sizeof(service), "%d", opening->port);
	rc = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, service,
					 &hints, &addresses);
	if (rc != 0)
	{
		appendStringInfo(opening->error, "could not resolve \"%s\": %s",
						 host, gai_strerror(rc));
		return false;
	}
	for (address = addresses; address && ok; address = address->ai_next)
		if (address->ai_family == AF_INET || address->ai_family == AF_INET6)
			ok = listen_on(opening, address, host);
	freeaddrinfo(addresses);
	return ok;
}

void
qlm_listener_init(QlmListener *listener, int epoll)
{
	memset(listener, 0, sizeof(QlmListener));
	listener->epoll = epoll;
	initStringInfo(&listener->address);
}

static void
set_accepting(QlmListener *listener, bool accepting)
{
	int			i;

	if (listener->accepting == accepting)
		return;
	for (i = 0; i < listener->nsockets; i++)
	{
		struct epoll_event event = {.events = EPOLLIN, .data.fd = listener->sockets[i]};

		if (epoll_ctl(listener->epoll, accepting ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
					  listener->sockets[i], &event) != 0)
			elog(LOG, "could not watch a listening socket: %m");
	}
	listener->accepting = accepting;
}

void
qlm_listener_close(QlmListener *listener)
{
	set_accepting(listener, false);
	while (listener->nsockets > 0)
		close(listener->sockets[--listener->nsockets]);
	resetStringInfo(&listener->address);
}

bool
qlm_listener_open(QlmListener *listener, const char *hosts, int port,
				  bool alone, StringInfo error)
{
	Opening		opening = {listener, port, alone, error};
	List	   *names;
	ListCell   *cell;
	bool		ok;

	qlm_listener_close(listener);
	ok = SplitGUCList(pstrdup(hosts), ',', &names);
	if (!ok)
		appendStringInfo(error, "\"%s\" is not a list of addresses", hosts);
	foreach(cell, names)
		if (ok)
			ok = listen_on_host(&opening, (const char *) lfirst(cell));
	if (ok && names != NIL && listener->nsockets == 0)
	{
		appendStringInfo(error, "none of the addresses \"%s\" is one of this machine",
						 hosts);
		ok = false;
	}
	if (ok)
		set_accepting(listener, true);
	else
		qlm_listener_close(listener);
	return ok;
}

/* Accepts connections from one socket.  Returns the room that is left. */
static int
accept_from(QlmListener *listener, int socket, int room,
			QlmTakeSocket take, void *arg)
{
	while (room > 0)
	{
		struct sockaddr_storage address;
		socklen_t	len = sizeof(address);
		int			fd = accept4(socket, (struct sockaddr *) &address, &len,
								 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
		{
			take(arg, fd, (struct sockaddr *) &address, len);
			room--;
		}
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
				 errno == ENOBUFS)
		{
			elog(LOG, "could not accept an HTTP connection: %m");
			listener->accept_again =
				TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ACCEPT_PAUSE_MS);
			break;
		}
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	return room;
}

void
qlm_listener_run(QlmListener *listener, int room, QlmTakeSocket take, void *arg)
{
	struct epoll_event events[QLM_MAX_LISTEN + 3];	/* and the owner's three */
	int			n;
	int			i;
	int			j;

	if (listener->accept_again != 0 && listener->accept_again <= GetCurrentTimestamp())
		listener->accept_again = 0;
	set_accepting(listener, room > 0 && listener->accept_again == 0);
	if (!listener->accepting || listener->nsockets == 0)
		return;
	n = epoll_wait(listener->epoll, events, lengthof(events), 0);
	for (i = 0; i < n; i++)
		for (j = 0; j < listener->nsockets; j++)
			if (events[i].data.fd == listener->sockets[j])
				room = accept_from(listener, listener->sockets[j], room, take, arg);
}

/*
 * Connections come on top of the files that the server counts on.
 */
void
qlm_listener_allow_files(int connections)
{
	static rlim_t before = 0;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	if (before == 0)
		before = limit.rlim_cur;
	limit.rlim_cur = before + connections + SPARE_FILES;
	if (limit.rlim_max != RLIM_INFINITY)
		limit.rlim_cur = Min(limit.rlim_cur, limit.rlim_max);
	(void) setrlimit(RLIMIT_NOFILE, &limit);
}
