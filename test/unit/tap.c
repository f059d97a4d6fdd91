/*
 * tap.c
 *		Test output that prove reads.
 */
#include "postgres.h"

#include "tap.h"

static int	ntests = 0;
static int	nfailed = 0;

static void
report(bool passed, const char *fmt, va_list args)
{
	char		name[200];

	vsnprintf(name, sizeof(name), fmt, args);
	for (char *p = name; *p; p++)
	{
		/* These would end the line or mark a directive. */
		if (*p == '\n' || *p == '\r' || *p == '#')
			*p = ' ';
	}
	ntests++;
	nfailed += !passed;
	printf("%sok %d - %s\n", passed ? "" : "not ", ntests, name);
}

void
tap_ok(bool passed, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	report(passed, fmt, args);
	va_end(args);
}

void
tap_is(const char *got, const char *expected, const char *fmt,...)
{
	bool		passed = strcmp(got, expected) == 0;
	va_list		args;

	va_start(args, fmt);
	report(passed, fmt, args);
	va_end(args);
	if (!passed)
		printf("#      got: %s\n# expected: %s\n", got, expected);
}

int
tap_done(void)
{
	printf("1..%d\n", ntests);
	return nfailed > 0;
}
