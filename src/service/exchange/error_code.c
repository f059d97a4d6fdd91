/*
 * error_code.c
 *		Maps errors of the database to return codes of the protocol.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/sqlstate.h"
#include "service/exchange/error_code.h"
#include "storage/replica/sequence.h"

/* An error message may contain text of any length that a caller has sent. */
#define MAX_DESCRIPTION	2000

int
qlm_error_code(const ErrorData *error, const char **description)
{
	int			code = qlm_sequence_is_behind(error) ? 503 :
		qlm_sqlstate_code(error->sqlerrcode, error->filename);
	int			len = strlen(error->message);

	if (code >= 500)
		ereport(LOG,
				(errmsg("qlm could not execute a request: %s", error->message),
				 error->hint ? errhint("%s", error->hint) : 0));
	*description = len <= MAX_DESCRIPTION ? error->message :
		pnstrdup(error->message,
				 pg_mbcliplen(error->message, len, MAX_DESCRIPTION));
	return code;
}
