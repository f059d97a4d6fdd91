/*
 * datetime.c
 *		Parses and prints xs:dateTime and unixTime.  The server's parsers
 *		accept more than the protocol allows, and are slower.
 */
#include "postgres.h"

#include "common/int.h"

#include "base/datetime.h"

#define DAYS_TO_2000	10957	/* from 1970-01-01 */
#define UNIX_EPOCH		(-(INT64CONST(86400) * DAYS_TO_2000))	/* s from 2000 */

/* What is left to parse */
typedef struct Cursor
{
	const char *pos;
	const char *end;
} Cursor;

static Cursor
trimmed(const char *text, int len)
{
	Cursor		cursor = {text, text + len};

#define IS_BLANK(c) ((c) == ' ' || (c) == '\t' || (c) == '\n' || (c) == '\r')
	while (cursor.pos < cursor.end && IS_BLANK(*cursor.pos))
		cursor.pos++;
	while (cursor.pos < cursor.end && IS_BLANK(cursor.end[-1]))
		cursor.end--;
#undef IS_BLANK
	return cursor;
}

static bool
at_end(const Cursor *cursor)
{
	return cursor->pos == cursor->end;
}

static bool
at_digit(const Cursor *cursor)
{
	return cursor->pos < cursor->end &&
		*cursor->pos >= '0' && *cursor->pos <= '9';
}

static bool
skip_char(Cursor *cursor, char c)
{
	if (cursor->pos == cursor->end || *cursor->pos != c)
		return false;
	cursor->pos++;
	return true;
}

static bool
two_digits(Cursor *cursor, int *value)
{
	const char *p = cursor->pos;

	if (cursor->end - p < 2 ||
		p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*value = (p[0] - '0') * 10 + (p[1] - '0');
	cursor->pos += 2;
	return true;
}

/* Days from 1970-01-01, in the Gregorian calendar without end or beginning */
static int
days_from_date(int year, int month, int day)
{
	int			era;
	int			year_of_era;
	int			day_of_year;

	/* Years begin in March, so that the leap day is the last of them. */
	year -= (month <= 2);
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
		year_of_era / 100 + day_of_year - 719468;
}

static void
date_from_days(int days, int *year, int *month, int *day)
{
	int			era;
	int			day_of_era;
	int			year_of_era;
	int			day_of_year;
	int			shifted_month;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	day_of_era = days - era * 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				   day_of_era / 146096) / 365;
	day_of_year = day_of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	shifted_month = (5 * day_of_year + 2) / 153;
	*day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
	*month = shifted_month + (shifted_month < 10 ? 3 : -9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Year zero is 1 BC, as in XML Schema 1.1 and ISO 8601. */
static bool
parse_date(Cursor *cursor, int *days)
{
	bool		negative = skip_char(cursor, '-');
	int			year = 0;
	int			ndigits = 0;
	int			month;
	int			day;

	for (; at_digit(cursor) && ndigits < 7; ndigits++)
		year = year * 10 + (*cursor->pos++ - '0');
	if (ndigits < 4 || ndigits > 6)
		return false;
	if (negative)
		year = -year;

	if (!skip_char(cursor, '-') || !two_digits(cursor, &month) ||
		!skip_char(cursor, '-') || !two_digits(cursor, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;

	/* Far enough out that no zone brings it back; also spares overflows. */
	if (year < -4720 || year > 294280)
		return false;
	*days = days_from_date(year, month, day);
	return true;
}

/*
 * Parses digits after the point, cut to microseconds.  finer: were there
 * further digits that are not 0?
 */
static bool
parse_fraction(Cursor *cursor, int *usec, bool *finer)
{
	int			unit = 100000;

	if (!at_digit(cursor))
		return false;
	*usec = 0;
	for (; at_digit(cursor) && unit > 0; unit /= 10)
		*usec += (*cursor->pos++ - '0') * unit;
	for (; at_digit(cursor); cursor->pos++)
		*finer |= *cursor->pos != '0';
	return true;
}

/*
 * hh:mm, hh:mm:ss or hh:mm:ss.fff; 24:00:00 and a leap second mean the next
 * second
 */
static bool
parse_time(Cursor *cursor, int64 *usec, bool *finer)
{
	int			hour;
	int			minute;
	int			second = 0;
	int			fraction = 0;

	if (!two_digits(cursor, &hour) || !skip_char(cursor, ':') ||
		!two_digits(cursor, &minute))
		return false;
	if (skip_char(cursor, ':'))
	{
		if (!two_digits(cursor, &second))
			return false;
		if (skip_char(cursor, '.') && !parse_fraction(cursor, &fraction, finer))
			return false;
	}
	if (hour > 24 || minute > 59 || second > 60)
		return false;
	if (hour == 24 && (minute > 0 || second > 0 || fraction > 0 || *finer))
		return false;

	*usec = ((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + fraction;
	return true;
}

/* Nothing, Z, +hh:mm, +hhmm or +hh */
static bool
parse_zone(Cursor *cursor, int64 *usec)
{
	int			hour;
	int			minute = 0;
	int			sign;

	*usec = 0;
	if (at_end(cursor) || skip_char(cursor, 'Z') || skip_char(cursor, 'z'))
		return true;

	sign = (*cursor->pos == '-') ? -1 : 1;
	if (!skip_char(cursor, '+') && !skip_char(cursor, '-'))
		return false;
	if (!two_digits(cursor, &hour))
		return false;
	if ((skip_char(cursor, ':') || !at_end(cursor)) &&
		!two_digits(cursor, &minute))
		return false;
	if (hour > 15 || minute > 59)
		return false;

	*usec = sign * (hour * 60 + minute) * USECS_PER_MINUTE;
	return true;
}

/* A time, or a date, which means its first moment */
typedef struct Moment
{
	TimestampTz ts;				/* the microsecond in which it is */
	bool		finer;			/* it is after the beginning of that microsecond */
	bool		is_day;			/* a date alone */
} Moment;

static bool
parse_moment(const char *text, int len, Moment *moment)
{
	Cursor		cursor = trimmed(text, len);
	int			days;
	int64		time = 0;
	int64		zone;

	moment->finer = false;
	moment->is_day = true;
	if (!parse_date(&cursor, &days))
		return false;
	if (skip_char(&cursor, 'T') || skip_char(&cursor, 't') ||
		skip_char(&cursor, ' '))
	{
		moment->is_day = false;
		if (!parse_time(&cursor, &time, &moment->finer))
			return false;
	}
	if (!parse_zone(&cursor, &zone) || !at_end(&cursor))
		return false;

	/* Each step stays far within range: no more than 6 digits of year. */
	if (pg_mul_s64_overflow(days - DAYS_TO_2000, USECS_PER_DAY, &moment->ts) ||
		pg_add_s64_overflow(moment->ts, time - zone, &moment->ts))
		return false;
	return IS_VALID_TIMESTAMP(moment->ts);
}

bool
qlm_datetime_parse(const char *text, int len, TimestampTz *ts)
{
	Moment		moment;

	if (!parse_moment(text, len, &moment))
		return false;
	*ts = moment.ts;
	return true;
}

bool
qlm_datetime_parse_begin(const char *text, int len, TimestampTz *ts)
{
	Moment		moment;

	if (!parse_moment(text, len, &moment))
		return false;
	*ts = moment.ts + moment.finer;
	return IS_VALID_TIMESTAMP(*ts);
}

bool
qlm_datetime_parse_end(const char *text, int len, TimestampTz *ts)
{
	Moment		moment;

	if (!parse_moment(text, len, &moment))
		return false;
	*ts = moment.is_day ?
		Min(moment.ts + USECS_PER_DAY, END_TIMESTAMP) - 1 : moment.ts;
	return true;
}

bool
qlm_unixtime_parse(const char *text, int len, TimestampTz *ts)
{
	int64		result;

	if (!qlm_decimal_parse(text, len, 6, &result) ||
		pg_add_s64_overflow(result, UNIX_EPOCH * USECS_PER_SEC, &result) ||
		!IS_VALID_TIMESTAMP(result))
		return false;
	*ts = result;
	return true;
}

/*
 * The protocol has no infinite times: the ends of the calendar stand for them.
 */
static TimestampTz
finite_time(TimestampTz ts)
{
	return Max(MIN_TIMESTAMP, Min(ts, END_TIMESTAMP - 1));
}

static char *
put_digits(char *p, int value, int width)
{
	for (int i = width - 1; i >= 0; i--)
	{
		p[i] = '0' + value % 10;
		value /= 10;
	}
	return p + width;
}

/* Prints nothing for 0, else a point and as many digits as necessary. */
static char *
put_fraction(char *p, int usec)
{
	if (usec == 0)
		return p;
	*p++ = '.';
	p = put_digits(p, usec, 6);
	while (p[-1] == '0')
		p--;
	return p;
}

void
qlm_datetime_append(StringInfo buf, TimestampTz ts)
{
	char		text[64];
	char	   *p = text;
	int			days;
	int			year;
	int			month;
	int			day;
	int			seconds;
	int64		usec;

	ts = finite_time(ts);
	days = ts / USECS_PER_DAY;
	usec = ts % USECS_PER_DAY;
	if (usec < 0)
	{
		usec += USECS_PER_DAY;
		days--;
	}
	seconds = usec / USECS_PER_SEC;
	date_from_days(days + DAYS_TO_2000, &year, &month, &day);

	if (year < 0)
		*p++ = '-';
	year = abs(year);
	p = put_digits(p, year, year > 99999 ? 6 : year > 9999 ? 5 : 4);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	p = put_digits(p, day, 2);
	*p++ = 'T';
	p = put_digits(p, seconds / 3600, 2);
	*p++ = ':';
	p = put_digits(p, seconds / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, seconds % 60, 2);
	p = put_fraction(p, usec % USECS_PER_SEC);
	*p++ = 'Z';
	appendBinaryStringInfo(buf, text, p - text);
}

const char *
qlm_unixtime_unit(const char *text, int len)
{
	static const struct
	{
		const char *name;
		int			scale;		/* to microseconds */
	}			units[] = {
		{"microseconds", 0}, {"nanoseconds", -3}
	};
	const int64 first = INT64CONST(7305) * USECS_PER_DAY;	/* 1990 */
	const int64 last = INT64CONST(47482) * USECS_PER_DAY;	/* 2100 */
	StringInfoData buf;
	int64		usec;

	for (int i = 0; i < lengthof(units); i++)
	{
		if (!qlm_decimal_parse(text, len, units[i].scale, &usec) ||
			usec < first || usec > last)
			continue;
		initStringInfo(&buf);
		appendStringInfo(&buf, ", but in %s it would be ", units[i].name);
		qlm_datetime_append(&buf, usec + UNIX_EPOCH * USECS_PER_SEC);
		return buf.data;
	}
	return NULL;
}

void
qlm_unixtime_append(StringInfo buf, TimestampTz ts, bool fraction)
{
	char		text[64];
	char	   *p;
	int64		seconds;
	int			usec;

	ts = finite_time(ts);
	seconds = ts / USECS_PER_SEC - UNIX_EPOCH;
	usec = ts % USECS_PER_SEC;

	/* Without fraction it is the second that has begun. */
	if (usec < 0)
	{
		usec += USECS_PER_SEC;
		seconds--;
	}
	if (!fraction)
		usec = 0;

	/* -1 s and 0.75 s are written -0.25. */
	if (seconds < 0 && usec > 0)
	{
		usec = USECS_PER_SEC - usec;
		seconds++;
		p = text + snprintf(text, sizeof(text), "%s" INT64_FORMAT,
							seconds == 0 ? "-" : "", seconds);
	}
	else
		p = text + snprintf(text, sizeof(text), INT64_FORMAT, seconds);
	p = put_fraction(p, usec);
	appendBinaryStringInfo(buf, text, p - text);
}
