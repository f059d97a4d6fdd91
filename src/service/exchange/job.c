/*
 * job.c
 *		Jobs: what a transport or session hands in to be run, and what it gets
 *		back.
 */
#include "postgres.h"

#include "service/exchange/job.h"

void
qlm_job_begin_answer(QlmJob *job)
{
	MemoryContext context = CurrentMemoryContext;

	if (job->answer_context)
		MemoryContextSwitchTo(job->answer_context);
	initStringInfo(&job->answer);
	MemoryContextSwitchTo(context);
}

void
qlm_job_give_held(QlmJob *job)
{
	qlm_job_begin_answer(job);
	appendBinaryStringInfo(&job->answer, job->held_answer->text, job->held_answer->text_len);
}

const char *
qlm_answer_media(const char *answer, Size len)
{
	return len > 0 && answer[0] == '{' ? "application/json; charset=UTF-8" :
		"text/xml; charset=UTF-8";
}

/* Reference nodes answer with ttl 10, the QLM generations with 0. */
double
qlm_answer_ttl(const QlmDialect *dialect)
{
	return qlm_dialect_is_qlm(dialect) ? 0 : 10;
}
