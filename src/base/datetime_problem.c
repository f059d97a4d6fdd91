/*
 * datetime_problem.c
 *		Explains to its sender why a text is not a time.
 */
#include "postgres.h"

#include <ctype.h>

#include "base/datetime.h"
#include "base/datetime_problem.h"

/* The parts of a date, as written */
typedef struct Written
{
	bool		negative;
	int			year;			/* at most 99999999 */
	int			month;
	int			day;
	const char *rest;
} Written;

static bool
take_number(const char **p, const char *end, int min, int max, int *number)
{
	int			n = 0;

	*number = 0;
	for (; *p < end && isdigit((unsigned char) **p) && n < max; n++)
		*number = *number * 10 + (*(*p)++ - '0');
	return n >= min && !(*p < end && isdigit((unsigned char) **p));
}

static bool
take_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* Does the text begin like a date, whatever the numbers are? */
static bool
read_written(const char *text, const char *end, Written *written)
{
	written->negative = take_char(&text, end, '-');
	if (!take_number(&text, end, 4, 8, &written->year) || !take_char(&text, end, '-') ||
		!take_number(&text, end, 2, 2, &written->month) || !take_char(&text, end, '-') ||
		!take_number(&text, end, 2, 2, &written->day))
		return false;
	written->rest = text;
	return text == end || memchr("Tt Zz+-", *text, 7) != NULL;
}

static bool
is_date(const Written *written)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			year = written->year;
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (written->month < 1 || written->month > 12 || written->day < 1)
		return false;
	return written->day <= days[written->month - 1] - (written->month == 2 && !leap);
}

/* Is it a valid time if the year is replaced by one in range? */
static bool
is_time_elsewhere(const char *rest, const char *end)
{
	TimestampTz ts;
	char		text[64];
	int			len = end - rest;

	if (len > (int) sizeof(text) - 16)
		return false;
	snprintf(text, sizeof(text), "2024-01-02%.*s", len, rest);
	return qlm_datetime_parse(text, strlen(text), &ts);
}

#define WANTED	"; wanted is a date and time as 2024-05-01T10:00:00Z"

const char *
qlm_datetime_problem(const char *text, int len)
{
	const char *end = text + len;
	Written		written;
	double		number;

	while (text < end && isspace((unsigned char) *text))
		text++;
	while (text < end && isspace((unsigned char) end[-1]))
		end--;
	if (text == end)
		return "which is empty" WANTED;
	if (read_written(text, end, &written))
	{
		if (!is_date(&written))
			return "which is a day that no calendar has" WANTED;
		if (is_time_elsewhere(written.rest, end))
			return "which is out of range: times lie between -4713-11-24T00:00:00Z and 294276-12-31T23:59:59.999999Z";
		return "which is not a date and time: the part after the date is not a time of day" WANTED;
	}
	if (qlm_double_parse(text, end - text, &number))
		return "which is a number and not a date and time: only unixTime is in seconds since 1970" WANTED;
	return "which is not a date and time" WANTED;
}

const char *
qlm_unixtime_problem(const char *text, int len)
{
	const char *unit = qlm_unixtime_unit(text, len);
	double		number;
	TimestampTz ts;

	if (unit != NULL)
		return psprintf("which is out of range: unixTime is in seconds%s", unit);
	if (qlm_double_parse(text, len, &number))
		return number - number == 0 ?
			"which is out of range: unixTime is in seconds since 1970, between -210866803200 and 9224318015999" :
			"which is not a number of seconds since 1970";
	if (qlm_datetime_parse(text, len, &ts))
		return "which is not a number of seconds since 1970: a date and time belongs in dateTime";
	return "which is not a number of seconds since 1970";
}
