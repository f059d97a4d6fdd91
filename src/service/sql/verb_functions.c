/*
 * verb_functions.c
 *		SQL functions for the verbs of the protocol without XML, and for any
 *		envelope.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/number.h"
#include "service/exchange/callback.h"
#include "service/exchange/caller_limits.h"
#include "service/forward/remote_subscription.h"
#include "service/payload/payload.h"
#include "service/payload/tree.h"
#include "service/road/entry.h"
#include "service/sql/arguments.h"
#include "service/sql/counts_row.h"
#include "service/subscribe/poll.h"
#include "service/subscribe/subscribe.h"
#include "service/verbs/method.h"
#include "storage/core/answer_size.h"
#include "storage/core/plan.h"
#include "storage/select/delete.h"
#include "storage/select/select.h"

PG_FUNCTION_INFO_V1(qlm_sql_handle);
PG_FUNCTION_INFO_V1(qlm_sql_handle_json);
PG_FUNCTION_INFO_V1(qlm_sql_format_is_built_in);
PG_FUNCTION_INFO_V1(qlm_sql_handle_counted);
PG_FUNCTION_INFO_V1(qlm_sql_handle_json_counted);
PG_FUNCTION_INFO_V1(qlm_sql_read);
PG_FUNCTION_INFO_V1(qlm_sql_subscribe);
PG_FUNCTION_INFO_V1(qlm_sql_poll);
PG_FUNCTION_INFO_V1(qlm_sql_cancel);
PG_FUNCTION_INFO_V1(qlm_sql_delete);
PG_FUNCTION_INFO_V1(qlm_sql_delete_values);
PG_FUNCTION_INFO_V1(qlm_sql_call);

/*
 * Acting as a peer fetches its outbox rows, which is for administrators, and
 * gives its rights, which is for members of its role.
 */
static void
require_may_speak_for(const char *name)
{
	const QlmPeer *peer;

	if (!has_privs_of_role(GetUserId(), get_role_oid("qlm_admin", false)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only members of qlm_admin may speak for a peer")));
	qlm_storage_begin();
	peer = qlm_peer_by_name(name);
	if (peer && OidIsValid(peer->role) && !qlm_peer_may_act(peer->role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("peer \"%s\" has the rights of role \"%s\", and you are not a member of it",
						name, GetUserNameFromId(peer->role, false)),
				 errhint("To speak for a peer you must be a member of its role.")));
	qlm_storage_end();
}

static text *
handle(FunctionCallInfo fcinfo, QlmAnswerForm form, QlmWriteCounts *counts)
{
	QlmJob		job = {0};
	QlmJob	   *jobs[1] = {&job};
	text	   *envelope;

	qlm_require_arguments(fcinfo, 1);
	envelope = PG_GETARG_TEXT_PP(0);
	job.body = VARDATA_ANY(envelope);
	job.body_len = VARSIZE_ANY_EXHDR(envelope);
	/* Text has the encoding of the database, whatever its declaration says. */
	job.charset = "UTF-8";
	job.from_session = true;
	job.form = form;
	job.counts = counts;
	job.peer_name = qlm_any_text_argument(fcinfo, 1);
	if (job.peer_name)
	{
		require_may_speak_for(job.peer_name);
		job.trusted_peer = true;
	}
	qlm_jobs_run(jobs, 1);
	return cstring_to_text_with_len(job.answer.data, job.answer.len);
}

Datum
qlm_sql_handle(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(handle(fcinfo, QLM_ANSWER_XML, NULL));
}

/* A value of type json is stored as text. */
Datum
qlm_sql_handle_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(handle(fcinfo, QLM_ANSWER_JSON, NULL));
}

static Datum
handle_counted(FunctionCallInfo fcinfo, QlmAnswerForm form)
{
	QlmWriteCounts counts = {0};
	text	   *response = handle(fcinfo, form, &counts);

	return qlm_counts_return(fcinfo, response, &counts);
}

Datum
qlm_sql_handle_counted(PG_FUNCTION_ARGS)
{
	return handle_counted(fcinfo, QLM_ANSWER_XML);
}

Datum
qlm_sql_handle_json_counted(PG_FUNCTION_ARGS)
{
	return handle_counted(fcinfo, QLM_ANSWER_JSON);
}

Datum
qlm_sql_format_is_built_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(qlm_payload_is_built_in(qlm_any_text_argument(fcinfo, 0)));
}

/* Where the rows of a set are stored */
typedef struct RowSink
{
	Tuplestorestate *store;
	TupleDesc	desc;
} RowSink;

static void
put_values(const char *path, QlmInfoItem *item, void *arg)
{
	RowSink    *sink = arg;

	for (QlmValue *value = item->values; value; value = value->next)
	{
		Datum		row[5];
		bool		nulls[5] = {false};
		double		number;

		row[0] = CStringGetTextDatum(path);
		nulls[1] = !value->has_ts;
		row[1] = TimestampTzGetDatum(value->ts);
		row[2] = PointerGetDatum(cstring_to_text_with_len(value->text,
														  value->len));
		nulls[3] = value->is_odf ||
			!qlm_number_parse(value->text, value->len, &number);
		row[3] = nulls[3] ? (Datum) 0 : Float8GetDatum(number);
		nulls[4] = value->type == NULL;
		row[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(value->type);
		tuplestore_putvalues(sink->store, sink->desc, row, nulls);
	}
}

/* Returns all values of trees as rows (path, ts, value, num, type). */
static Datum
return_values(FunctionCallInfo fcinfo, List *odfs)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	RowSink		sink;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	sink.store = info->setResult;
	sink.desc = info->setDesc;
	foreach(lc, odfs)
		if (lfirst(lc))
			qlm_tree_visit_items(lfirst(lc), put_values, &sink);
	return (Datum) 0;
}

Datum
qlm_sql_read(PG_FUNCTION_ARGS)
{
	const char *path;
	QlmSelector selector = {0};
	QlmOdf	   *request;
	QlmOdf	   *found;
	QlmOdf	   *missing;
	Size		outer;

	qlm_require_arguments(fcinfo, 1);
	path = qlm_any_text_argument(fcinfo, 0);
	selector.has_begin = !PG_ARGISNULL(1);
	selector.has_end = !PG_ARGISNULL(2);
	selector.begin = selector.has_begin ? PG_GETARG_TIMESTAMPTZ(1) : 0;
	selector.end = selector.has_end ? PG_GETARG_TIMESTAMPTZ(2) : 0;
	selector.newest = qlm_positive_argument(fcinfo, 3, "newest");
	selector.oldest = qlm_positive_argument(fcinfo, 4, "oldest");
	if (selector.newest && selector.oldest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("newest and oldest cannot be given together")));
	request = qlm_tree_from_paths(&path, 1);
	qlm_storage_begin();
	outer = qlm_answer_size_begin();
	qlm_select(request, &selector, &found, &missing);
	qlm_answer_size_set(outer);
	qlm_storage_end();
	return return_values(fcinfo, list_make1(found));
}

static double
interval_seconds(const Interval *interval)
{
	return interval->time / (double) USECS_PER_SEC +
		(double) SECS_PER_DAY * (interval->day + DAYS_PER_MONTH * (double) interval->month);
}

static void
check_callback(const char *callback)
{
	int			code;
	const char *problem = qlm_callback_problem(NULL, callback, true, &code);

	if (problem)
		ereport(ERROR,
				(errcode(code == 403 ? ERRCODE_INSUFFICIENT_PRIVILEGE :
						 ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s", problem),
				 code == 403 ? errhint("An administrator lists hosts and networks in qlm.callback_allow.") : 0));
}

Datum
qlm_sql_subscribe(PG_FUNCTION_ARGS)
{
	const char *path;
	QlmSubscription subscription = {0};
	QlmOdf	   *target;
	const char *problem;
	const char *changed;
	double		ttl = -1;

	qlm_require_arguments(fcinfo, 2);
	path = qlm_text_argument(fcinfo, 0);
	subscription.interval = PG_GETARG_FLOAT8(1);
	subscription.callback = qlm_text_argument(fcinfo, 2);
	if (!PG_ARGISNULL(3))
	{
		ttl = interval_seconds(PG_GETARG_INTERVAL_P(3));
		if (ttl <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the ttl of a subscription must be greater than 0")));
	}
	if (isnan(subscription.interval) || isinf(subscription.interval) ||
		(subscription.interval < 0 && subscription.interval != -1 &&
		 subscription.interval != -2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the interval of a subscription is a number of seconds, -1 or -2")));
	subscription.role = GetUserId();
	subscription.dialect = qlm_dialect_to_text(qlm_dialect_default());
	target = qlm_tree_from_paths(&path, 1);
	qlm_storage_begin();
	check_callback(subscription.callback);
	subscription.ntargets = qlm_tree_leaves(target, &subscription.targets);
	subscription.ntargets = 1;	/* an Object and an InfoItem share the path */
	problem = qlm_subscription_surplus(0, subscription.role, true);
	if (problem)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%s", problem),
				 errhint("See qlm.max_subscriptions.")));
	changed = qlm_subscribe(&subscription, ttl);
	qlm_storage_end();
	if (changed)
		ereport(NOTICE, (errmsg("%s", changed)));
	PG_RETURN_INT64(subscription.request_id);
}

static QlmSubscription *
own_subscription(int64 request_id)
{
	QlmSubscription *subscription = qlm_subscription_get(request_id, true);

	if (subscription == NULL ||
		!qlm_subscription_is_callers(subscription, NULL, GetUserId(), true))
		return NULL;
	return subscription;
}

/*
 * Returns what another node has delivered; *note is an error that it reported.
 */
static List *
poll_relayed(QlmSubscription *subscription, const char **note)
{
	List	   *odfs = NIL;
	ListCell   *lc;

	foreach(lc, qlm_remote_subscription_poll(subscription, note))
	{
		QlmResult  *result = lfirst(lc);

		qlm_payload_read_result(result);
		if (result->unread)
			ereport(NOTICE,
					(errmsg("could not read the data of node \"%s\"", subscription->node),
					 errdetail("%s", result->unread)));
		if (qlm_result_is_success(result))
			odfs = lappend(odfs, result->odf);
		else
			ereport(NOTICE,
					(errmsg("node \"%s\" has answered %d", subscription->node, result->code),
					 result->description ? errdetail("%s", result->description) : 0));
	}
	return odfs;
}

Datum
qlm_sql_poll(PG_FUNCTION_ARGS)
{
	int64		request_id = PG_GETARG_INT64(0);
	QlmSubscription *subscription;
	List	   *odfs;
	const char *note;
	Size		outer;

	qlm_storage_begin();
	subscription = own_subscription(request_id);
	if (subscription == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no subscription " INT64_FORMAT, request_id),
				 errdetail("Its ttl may have ended, or it belongs to another role.")));
	outer = qlm_answer_size_begin();
	odfs = subscription->node ? poll_relayed(subscription, &note) :
		list_make1(qlm_poll(subscription, &note));
	qlm_answer_size_set(outer);
	if (note)
		ereport(NOTICE, (errmsg("%s", note)));
	qlm_storage_end();
	return return_values(fcinfo, odfs);
}

Datum
qlm_sql_cancel(PG_FUNCTION_ARGS)
{
	bool		cancelled;
	int64		request_id = PG_GETARG_INT64(0);

	qlm_storage_begin();
	cancelled = own_subscription(request_id) != NULL &&
		qlm_subscription_cancel(request_id);
	qlm_storage_end();
	PG_RETURN_BOOL(cancelled);
}

/* Returns the tree for a path to be deleted. */
static QlmOdf *
tree_to_delete(const char *path)
{
	QlmOdf	   *request = qlm_tree_from_paths(&path, 1);

	if (request->root.objects == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("deleting all Objects at once is refused"),
				 errhint("Name the Objects.")));
	return request;
}

Datum
qlm_sql_delete(PG_FUNCTION_ARGS)
{
	QlmOdf	   *request = tree_to_delete(qlm_any_text_argument(fcinfo, 0));
	QlmOdf	   *missing;
	QlmDeleted	deleted;

	qlm_storage_begin();
	(void) qlm_delete_nodes(request, &deleted, &missing);
	qlm_storage_end();
	PG_RETURN_INT32((int32) deleted.nodes);
}

Datum
qlm_sql_delete_values(PG_FUNCTION_ARGS)
{
	TimestampTz begin = PG_ARGISNULL(1) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(1);
	TimestampTz end = PG_ARGISNULL(2) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(2);
	QlmOdf	   *request;
	QlmOdf	   *missing;
	int64		removed;

	qlm_require_arguments(fcinfo, 1);
	if (PG_ARGISNULL(1) && PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("begin or end must be given"),
				 errhint("qlm_delete(path) removes the InfoItem with all its values.")));
	request = tree_to_delete(qlm_any_text_argument(fcinfo, 0));
	qlm_storage_begin();
	(void) qlm_delete_node_values(request, begin, end, &removed, &missing);
	qlm_storage_end();
	PG_RETURN_INT64(removed);
}

/*
 * Finds the handler of a path, or raises an error that says why there is none.
 */
static void
find_handler(const char *path, QlmHandler *handler)
{
	const QlmPeer *owner;
	const char *problem;
	int			code;

	switch (qlm_method_find(path, "call", NULL, handler, &owner, &code, &problem))
	{
		case QLM_METHOD_LOCAL:
			break;
		case QLM_METHOD_OWNER:
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("\"%s\" belongs to the peer \"%s\"", path, owner->name),
					 errhint("Queue the call with qlm_request and qlm_call_envelope, and wait for its answer with qlm_await.")));
			break;
		case QLM_METHOD_NONE:
		case QLM_METHOD_REFUSED:
			ereport(ERROR,
					(errcode(code == 404 ? ERRCODE_UNDEFINED_OBJECT :
							 code == 403 ? ERRCODE_INSUFFICIENT_PRIVILEGE :
							 ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("\"%s\" cannot be called: %s", path, problem)));
			break;
	}
}

Datum
qlm_sql_call(PG_FUNCTION_ARGS)
{
	QlmInfoItem *item;
	QlmOdf	   *odf = qlm_call_argument(fcinfo, &item);
	const char **paths;
	QlmHandler	handler;
	QlmHandlerInput input;
	const char *problem;
	char	   *output;

	qlm_storage_begin();
	qlm_method_resolve(odf);
	(void) qlm_tree_leaves(odf, &paths);
	find_handler(paths[0], &handler);
	qlm_method_input(&input, paths[0], item);
	output = qlm_handler_run(&handler, &input);
	qlm_storage_end();
	if (!qlm_method_output(&handler, paths[0], output, &odf, &problem))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_XML_DOCUMENT), errmsg("%s", problem)));
	return return_values(fcinfo, list_make1(odf));
}
