/*
 * bare.c
 *		An HTTP server on libmicrohttpd that only answers: what HTTP alone costs
 *		on this machine, for bench/run.sh.
 *
 * usage: bare THREADS
 *
 * It listens on a free port of loopback, which it prints, reads each request to
 * its end and gives the shortest good answer to a write.
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char answer[] =
"<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
"<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/1.0/\" version=\"1.0\""
" ttl=\"0\"><response><result><return returnCode=\"200\"/></result></response>"
"</omiEnvelope>";

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url,
	   const char *method, const char *version, const char *data, size_t *size,
	   void **state)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	(void) cls, (void) url, (void) method, (void) version, (void) data;
	if (*state == NULL)
	{
		*state = answer;
		return MHD_YES;
	}
	if (*size > 0)
	{
		*size = 0;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(sizeof answer - 1, answer,
											   MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "text/xml");
	result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int			threads = argc > 1 ? atoi(argv[1]) : 1;
	struct MHD_Daemon *daemon;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
							  handle, NULL,
							  MHD_OPTION_SOCK_ADDR, &address,
							  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 65536,
							  threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE :
							  MHD_OPTION_END, (unsigned) threads,
							  MHD_OPTION_END);
	if (daemon == NULL)
	{
		fprintf(stderr, "bare: the server did not start\n");
		return 1;
	}
	printf("%d\n", (int) MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	for (;;)
		pause();
}
