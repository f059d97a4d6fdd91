/*
 * library.c
 *		What the HTTP library has to say.
 */
#include "postgres.h"

#include "storage/ipc.h"

#include "transport/http/library.h"

void
qlm_library_log(void *cls, const char *format, va_list args)
{
	char		line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\r\n")] = '\0';
	elog(DEBUG1, "libmicrohttpd: %s", line);
}

/* Instead of the library's abort(), which would restart the whole cluster */
void
qlm_library_panic(void *cls, const char *file, unsigned int line, const char *reason)
{
	elog(LOG, "libmicrohttpd gave up at %s:%u: %s", file, line,
		 reason ? reason : "no reason given");
	proc_exit(1);
}
