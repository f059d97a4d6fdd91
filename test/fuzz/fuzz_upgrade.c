/*
 * fuzz_upgrade.c
 *		Any bytes as the answer to the opening handshake of a WebSocket, whole
 *		and as they come: the head must end at the same place.  What is taken
 *		says 101 and has the hash in it.
 */
#include "postgres.h"

#include "transport/client/upgrade.h"

#include "check.h"
#include "shim.h"

#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const char *bytes = (const char *) data;
	Size		end = qlm_upgrade_head(bytes, size);
	Size		n = end > 0 ? end : size;
	char	   *head = palloc(n + 1);
	char	   *copy = palloc(n + 1);
	const char *problem;
	int			status;
	bool		acknowledges;

	for (Size len = 0; len < Min(n, 256); len++)
		check(qlm_upgrade_head(bytes, len) == 0, "a head ends before its end");
	if (n > 0)
		memcpy(head, bytes, n);
	head[n] = '\0';
	memcpy(copy, head, n + 1);
	problem = qlm_upgrade_problem(head, ACCEPT, &status, &acknowledges);
	check(status == 0 || (status >= 0 && status <= 999), "no status is that");
	check(problem != NULL || (status == 101 && strstr(copy, ACCEPT)), "what is no yes is taken for one");
	shim_reset();
	return 0;
}
