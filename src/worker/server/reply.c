/*
 * reply.c
 *		Sends the answer of a job by the way on which its request came.
 */
#include "postgres.h"

#include "base/server_settings.h"
#include "process/stats.h"
#include "worker/server/guess_delay.h"
#include "worker/server/held_request.h"
#include "worker/server/reply.h"
#include "worker/server/sockets.h"

#define LARGE_ANSWER	(64 * 1024) /* larger ones are not copied */

/* The memory of a large answer is handed over instead of copied. */
static void
set_body(QlmHttpAnswer *answer, const QlmJob *job)
{
	answer->body = job->answer.data;
	answer->body_len = job->answer.len;
	if (answer->body_len >= LARGE_ANSWER && job->answer_context)
	{
		answer->body = repalloc_huge(job->answer.data, answer->body_len);
		answer->owner = job->answer_context;
	}
}

#define NOT_KEPT {"Cache-Control", "no-store"}

static const QlmHttpHeader challenge[] = {
	NOT_KEPT,
	{"WWW-Authenticate", "Basic realm=\"qlm\", charset=\"UTF-8\""},
	{"WWW-Authenticate", "Bearer realm=\"qlm\""},
	{NULL}
};

/* Stored data must not run as scripts of this origin. */
static void
answer_discovery(QlmWorkerSlot *slot, QlmHttpRequest *request, const QlmJob *job)
{
	const QlmDiscovery *discovery = job->discovery;
	const QlmHttpHeader headers[] = {
		{"Cache-Control", "no-cache"},
		{"Vary", "Accept, Authorization"},
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Security-Policy", "default-src 'none'; sandbox"},
		{discovery->etag ? "ETag" : NULL, discovery->etag},
		{NULL}
	};
	QlmHttpAnswer answer = {job->status, discovery->content_type,
	job->status == 401 ? challenge : headers};

	set_body(&answer, job);
	qlm_web_server_answer(request, &answer);
	if (answer.status != 304 && request->method != QLM_HTTP_HEAD)
		QLM_COUNT(slot, bytes_out, answer.body_len);
}

/*
 * Tools of the reference node take any status but 200 for a lost connection.
 * 401 and 503 are kept, as they ask for credentials and for a later attempt.
 */
static int
status_of(const QlmJob *job)
{
	int			status = job->status;
	bool		is_said = status == 400 || status == 403 || status == 413 || status == 415 ||
		status == 500;

	return is_said && !qlm_http_errors && job->answer.len > 0 ? 200 : status;
}

static void
answer_message(QlmWorkerSlot *slot, QlmHttpRequest *request, const QlmJob *job)
{
	char		applied[32];
	const QlmHttpHeader headers[] = {
		NOT_KEPT, {job->waits ? "Preference-Applied" : NULL, applied}, {NULL}
	};
	QlmHttpAnswer answer = {status_of(job), NULL, headers};

	snprintf(applied, sizeof(applied), "wait=%d",
			 Min(request->prefer_wait, qlm_max_wait));
	if (answer.status == 401)
		answer.headers = challenge;
	answer.content_type = qlm_answer_media(job->answer.data,
										   job->answer.len);
	set_body(&answer, job);
	qlm_held_request_release(request);
	qlm_web_server_answer(request, &answer);
	QLM_COUNT(slot, bytes_out, answer.body_len);
}

void
qlm_reply_send(QlmWorkerSlot *slot, QlmHttpRequest *request,
			   QlmJob *job)
{
	if (job->pause_ms > 0)
	{
		qlm_guess_delay_hold(request, job->pause_ms);
		return;
	}
	qlm_guess_delay_answered(request, job->was_wrong);
	qlm_sockets_note(request, job);
	if (job->kind == QLM_JOB_DISCOVERY)
		answer_discovery(slot, request, job);
	else if (!qlm_held_request_hold(request, job))
		answer_message(slot, request, job);
}
