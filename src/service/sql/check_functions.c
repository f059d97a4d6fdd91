/*
 * check_functions.c
 *		SQL functions for constraints and triggers: check paths, dialects,
 *		URLs, credentials.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/url.h"
#include "service/payload/tree.h"
#include "service/sql/arguments.h"
#include "storage/peer/peer.h"

PG_FUNCTION_INFO_V1(qlm_sql_credential_hash);
PG_FUNCTION_INFO_V1(qlm_sql_path_normal);
PG_FUNCTION_INFO_V1(qlm_sql_dialect_is_known);
PG_FUNCTION_INFO_V1(qlm_sql_url_is_http);
PG_FUNCTION_INFO_V1(qlm_sql_url_is_proxy);

Datum
qlm_sql_credential_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(qlm_peer_hash(qlm_any_text_argument(fcinfo, 0))));
}

/*
 * Returns a path as it is stored: escaped, without Objects/ and superfluous
 * slashes.
 */
Datum
qlm_sql_path_normal(PG_FUNCTION_ARGS)
{
	const char *path = qlm_text_argument(fcinfo, 0);
	const char **paths;

	qlm_tree_leaves(qlm_tree_from_paths(&path, 1), &paths);
	PG_RETURN_TEXT_P(cstring_to_text(paths[0]));
}

Datum
qlm_sql_dialect_is_known(PG_FUNCTION_ARGS)
{
	QlmDialect	dialect;

	PG_RETURN_BOOL(qlm_dialect_from_text(qlm_any_text_argument(fcinfo, 0),
										 &dialect));
}

Datum
qlm_sql_url_is_http(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(qlm_url_is_http(qlm_any_text_argument(fcinfo, 0), NULL, NULL));
}

Datum
qlm_sql_url_is_proxy(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(qlm_url_is_proxy(qlm_any_text_argument(fcinfo, 0)));
}
