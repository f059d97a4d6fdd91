/*
 * request_id.c
 *		requestIDs that this node has given, which are numbers.
 */
#include "postgres.h"

#include "service/exchange/request_id.h"

int64
qlm_request_id_parse(const char *text)
{
	char	   *end;
	int64		id;

	errno = 0;
	id = strtoi64(text, &end, 10);
	return (*text == '\0' || *end != '\0' || errno != 0 || id < 0) ? 0 : id;
}

List *
qlm_request_id_list(int64 id)
{
	return list_make1(psprintf(INT64_FORMAT, id));
}
