/*
 * former.c
 *		The names by which functions of release 0.1.0 find this library.
 *
 * From the restart with a new library until ALTER EXTENSION qlm UPDATE, the
 * catalog has the functions of the old release.  And its script, from which
 * upgrades are tested, can only run with a library that has all of its
 * symbols.  A name is kept as long as upgrades begin at a release that uses
 * it.
 */
#include "postgres.h"

#include "fmgr.h"

#define FORMER(old, new) \
	PG_FUNCTION_INFO_V1(old); \
	extern Datum new(PG_FUNCTION_ARGS); \
	Datum \
	old(PG_FUNCTION_ARGS) \
	{ \
		return new(fcinfo); \
	}

FORMER(qlm_apply_retention, qlm_sql_apply_retention)
FORMER(qlm_await, qlm_sql_await)
FORMER(qlm_awaited_ended, qlm_trigger_awaited_ended)
FORMER(qlm_call, qlm_sql_call)
FORMER(qlm_call_envelope, qlm_sql_call_envelope)
FORMER(qlm_cancel, qlm_sql_cancel)
FORMER(qlm_configuration_changed, qlm_trigger_configuration_changed)
FORMER(qlm_credential_hash, qlm_sql_credential_hash)
FORMER(qlm_delete, qlm_sql_delete)
FORMER(qlm_delete_values, qlm_sql_delete_values)
FORMER(qlm_dialect_is_known, qlm_sql_dialect_is_known)
FORMER(qlm_forget, qlm_trigger_forget)
FORMER(qlm_forget_values, qlm_trigger_forget_values)
FORMER(qlm_format_is_built_in, qlm_sql_format_is_built_in)
FORMER(qlm_forwarded_ended, qlm_trigger_forwarded_ended)
FORMER(qlm_handle, qlm_sql_handle)
FORMER(qlm_handle_json, qlm_sql_handle_json)
FORMER(qlm_path_normal, qlm_sql_path_normal)
FORMER(qlm_peer_name, qlm_sql_peer_name)
FORMER(qlm_poll_sql, qlm_sql_poll)
FORMER(qlm_read, qlm_sql_read)
FORMER(qlm_read_envelope, qlm_sql_read_envelope)
FORMER(qlm_request, qlm_sql_request)
FORMER(qlm_requeue, qlm_sql_requeue)
FORMER(qlm_start, qlm_sql_start)
FORMER(qlm_stat_worker, qlm_sql_worker_stats)
FORMER(qlm_stop, qlm_sql_stop)
FORMER(qlm_subscribe_sql, qlm_sql_subscribe)
FORMER(qlm_subscription_ended, qlm_trigger_subscription_ended)
FORMER(qlm_url_is_http_sql, qlm_sql_url_is_http)
FORMER(qlm_value_changed, qlm_trigger_value_changed)
FORMER(qlm_version, qlm_sql_version)
FORMER(qlm_write, qlm_sql_write)
FORMER(qlm_write_envelope, qlm_sql_write_envelope)
