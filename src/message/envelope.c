/*
 * envelope.c
 *		Builds envelopes, for the parser and for the service.
 */
#include "postgres.h"

#include "message/envelope.h"

static const char *const verb_names[] = {
	[QLM_READ] = "read",
	[QLM_WRITE] = "write",
	[QLM_CALL] = "call",
	[QLM_DELETE] = "delete",
	[QLM_CANCEL] = "cancel",
	[QLM_RESPONSE] = "response",
};

const char *
qlm_verb_name(QlmVerb verb)
{
	return verb_names[verb];
}

QlmEnvelope *
qlm_envelope_create(const QlmDialect *dialect, double ttl)
{
	QlmEnvelope *envelope = palloc0(sizeof(QlmEnvelope));

	envelope->dialect = *dialect;
	envelope->ttl = ttl;
	return envelope;
}

QlmRequest *
qlm_envelope_add_request(QlmEnvelope *envelope, QlmVerb verb)
{
	QlmRequest *request = palloc0(sizeof(QlmRequest));

	request->verb = verb;
	envelope->requests = lappend(envelope->requests, request);
	return request;
}

QlmResult *
qlm_request_add_result(QlmRequest *response, int code, const char *description)
{
	QlmResult  *result = palloc0(sizeof(QlmResult));

	result->code = code;
	result->description = description;
	response->results = lappend(response->results, result);
	return result;
}

bool
qlm_code_is_success(int code)
{
	return code >= 200 && code < 300;
}

bool
qlm_result_is_success(const QlmResult *result)
{
	return qlm_code_is_success(result->code);
}
