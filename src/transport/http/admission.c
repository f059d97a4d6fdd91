/*
 * admission.c
 *		How many complete requests may wait in line.
 */
#include "postgres.h"

#include <math.h>

#include "base/server_settings.h"
#include "transport/http/admission.h"

#define ALWAYS		64			/* so many may wait, however slow it is */
#define ENOUGH		16			/* requests that tell what one costs */
#define MEMORY		256			/* requests that the pace is an average of */

/* us that a request may wait in line */
static double
patience(void)
{
	return qlm_request_timeout * 1000.0 / 4;
}

/* Nobody has more of the line than he leaves to others. */
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

	/* A few alone pay for what many would share, above all the flush. */
	if (n >= ENOUGH || pace < queue->pace)
		queue->pace += (pace - queue->pace) * weight;

	/* Whatever the average says: what comes now would hang too. */
	if (hung)
		queue->pace = Max(queue->pace, patience() / ALWAYS);
}

int
qlm_admission_retry_after(const QlmAdmission *queue)
{
	double		seconds = ceil(queue->n * queue->pace / 1e6);

	return (int) Max(Min(seconds, qlm_request_timeout / 1000.0), 1);
}
