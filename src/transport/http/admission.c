/*
 * admission.c
 *		How many complete requests may wait to be run.
 */
#include "postgres.h"

#include <math.h>

#include "base/server_settings.h"
#include "transport/http/admission.h"

#define ALWAYS		64			/* so many may always wait */
#define ENOUGH		16			/* requests that give a usable average */
#define MEMORY		256			/* requests in the moving average */

/* How long a request may wait, in us */
static double
patience(void)
{
	return qlm_request_timeout * 1000.0 / 4;
}

/* A client may have no more requests waiting than it leaves room for others. */
bool
qlm_admission_is_full(const QlmAdmission *queue, int his)
{
	if (queue->n < ALWAYS)
		return false;
	if (his < ALWAYS)
		his = 0;
	return (queue->n + his) * queue->pace > patience();
}

void
qlm_admission_note(QlmAdmission *queue, int n, int64 elapsed, bool hung)
{
	double		weight = Min(n, MEMORY) / (double) MEMORY;
	double		pace = elapsed / (double) n;

	/* With few requests each bears more of the flush, so they count less. */
	if (n >= ENOUGH || pace < queue->pace)
		queue->pace += (pace - queue->pace) * weight;

	/* New requests would hang, too, whatever the average is. */
	if (hung)
		queue->pace = Max(queue->pace, patience() / ALWAYS);
}

int
qlm_admission_retry_after(const QlmAdmission *queue)
{
	double		seconds = ceil(queue->n * queue->pace / 1e6);

	return (int) Max(Min(seconds, qlm_request_timeout / 1000.0), 1);
}
