/*
 * test_base.c
 *		Times, numbers, paths and media types, as tables that show what is taken.
 */
#include "postgres.h"

#include <math.h>

#include "base/accept_header.h"
#include "base/datetime.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/similar_name.h"

#include "shim.h"
#include "tap.h"

#define NOTHING "(refused)"

typedef struct Case
{
	const char *input;
	const char *output;
} Case;

/* What comes in, and how it is printed again */
static const Case datetimes[] = {
	{"2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"},
	{"2024-05-01T10:00:00.250Z", "2024-05-01T10:00:00.25Z"},
	{"2024-05-01T10:00:00.000001Z", "2024-05-01T10:00:00.000001Z"},
	{" 2024-05-01T10:00:00Z\n", "2024-05-01T10:00:00Z"},
	{"2024-05-01T10:00:00", "2024-05-01T10:00:00Z"},
	{"2024-05-01T10:00", "2024-05-01T10:00:00Z"},
	{"2024-05-01t10:00z", "2024-05-01T10:00:00Z"},
	{"2024-05-01 10:00:00", "2024-05-01T10:00:00Z"},
	{"2024-05-01", "2024-05-01T00:00:00Z"},
	{"2024-05-01Z", "2024-05-01T00:00:00Z"},
	{"2024-05-01+02:00", "2024-04-30T22:00:00Z"},
	{"2024-05-01T10:00:00+02:00", "2024-05-01T08:00:00Z"},
	{"2024-05-01T10:00:00-05:30", "2024-05-01T15:30:00Z"},
	{"2024-05-01T10:00:00+0200", "2024-05-01T08:00:00Z"},
	{"2024-05-01T10:00:00+02", "2024-05-01T08:00:00Z"},
	{"2024-05-01T00:30:00+14:00", "2024-04-30T10:30:00Z"},

	/* more digits than a microsecond are cut, so the second and the day stay */
	{"2024-05-01T10:00:00.1234564Z", "2024-05-01T10:00:00.123456Z"},
	{"2024-05-01T10:00:00.1234565Z", "2024-05-01T10:00:00.123456Z"},
	{"2024-05-01T10:00:00.999999999Z", "2024-05-01T10:00:00.999999Z"},
	{"2023-12-31T23:59:59.99999999999Z", "2023-12-31T23:59:59.999999Z"},
	{"1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"},
	{"2024-12-31T24:00:00.0000000Z", "2025-01-01T00:00:00Z"},
	{"2024-12-31T24:00:00.0000001Z", NOTHING},

	/* the ends of the day */
	{"2024-12-31T24:00:00Z", "2025-01-01T00:00:00Z"},
	{"2024-12-31T24:00", "2025-01-01T00:00:00Z"},
	{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
	{"2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5Z"},
	{"2024-12-31T24:00:01Z", NOTHING},
	{"2024-12-31T25:00:00Z", NOTHING},
	{"2024-12-31T23:60:00Z", NOTHING},
	{"2024-12-31T23:59:61Z", NOTHING},

	/* the calendar */
	{"2024-02-29", "2024-02-29T00:00:00Z"},
	{"2000-02-29", "2000-02-29T00:00:00Z"},
	{"2023-02-29", NOTHING},
	{"1900-02-29", NOTHING},
	{"2024-04-31", NOTHING},
	{"2024-13-01", NOTHING},
	{"2024-00-01", NOTHING},
	{"2024-01-00", NOTHING},
	{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
	{"1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.9Z"},
	{"1582-10-10", "1582-10-10T00:00:00Z"},

	/* years of more than four digits, and before our era; 0000 is 1 BC */
	{"0001-01-01", "0001-01-01T00:00:00Z"},
	{"0000-02-29", "0000-02-29T00:00:00Z"},
	{"-0001-12-31", "-0001-12-31T00:00:00Z"},
	{"-0044-03-15T12:00:00Z", "-0044-03-15T12:00:00Z"},
	{"12024-05-01T10:00:00Z", "12024-05-01T10:00:00Z"},
	{"294276-12-31T23:59:59.999999Z", "294276-12-31T23:59:59.999999Z"},
	{"294277-01-01T00:00:00Z", NOTHING},
	{"294277-01-01T00:00:00+01:00", "294276-12-31T23:00:00Z"},
	{"-4713-11-24T00:00:00Z", "-4713-11-24T00:00:00Z"},
	{"-4713-11-23T23:59:59Z", NOTHING},
	{"999999-01-01", NOTHING},
	{"9999999-01-01", NOTHING},

	{"", NOTHING},
	{"now", NOTHING},
	{"infinity", NOTHING},
	{"24-05-01", NOTHING},
	{"2024-5-1", NOTHING},
	{"20240501T100000Z", NOTHING},
	{"2024-05-01T", NOTHING},
	{"2024-05-01T10", NOTHING},
	{"2024-05-01T10:0", NOTHING},
	{"2024-05-01T10:00:00.", NOTHING},
	{"2024-05-01T10:00:00,5", NOTHING},
	{"2024-05-01T10:00:00+", NOTHING},
	{"2024-05-01T10:00:00+2:00", NOTHING},
	{"2024-05-01T10:00:00+02:", NOTHING},
	{"2024-05-01T10:00:00+16:00", NOTHING},
	{"2024-05-01T10:00:00+02:60", NOTHING},
	{"2024-05-01T10:00:00Z2", NOTHING},
	{"2024-05-01T10:00:00 CEST", NOTHING},
	{"-", NOTHING}
};

/* The first microsecond of a window that begins there, the last of one that ends */
static const Case begins[] = {
	{"2024-05-01T10:00:00.123456Z", "2024-05-01T10:00:00.123456Z"},
	{"2024-05-01T10:00:00.1234560000Z", "2024-05-01T10:00:00.123456Z"},
	{"2024-05-01T10:00:00.1234560001Z", "2024-05-01T10:00:00.123457Z"},
	{"2024-05-01T23:59:59.9999999+02:00", "2024-05-01T22:00:00Z"},
	{"1969-12-31T23:59:59.9999999Z", "1970-01-01T00:00:00Z"},
	{"-0044-03-15T12:00:00.0000001Z", "-0044-03-15T12:00:00.000001Z"},
	{"2024-05-01", "2024-05-01T00:00:00Z"},
	{"2024-05-01Z", "2024-05-01T00:00:00Z"},
	{"2024-05-01+02:00", "2024-04-30T22:00:00Z"},
	{"294276-12-31T23:59:59.9999999Z", NOTHING},
	{"2024-05", NOTHING}, {"2024", NOTHING}, {"2024-05-01T", NOTHING},
	{"yesterday", NOTHING}, {"", NOTHING}
};

static const Case ends[] = {
	{"2024-05-01T10:00:00.123456Z", "2024-05-01T10:00:00.123456Z"},
	{"2024-05-01T10:00:00.1234569Z", "2024-05-01T10:00:00.123456Z"},
	{"2026-11-29T23:59:59.9999999Z", "2026-11-29T23:59:59.999999Z"},
	{"1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"},
	{"2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z"},
	{"2024-05-01T24:00:00Z", "2024-05-02T00:00:00Z"},
	{"2024-05-01T10:00", "2024-05-01T10:00:00Z"},
	{"2024-05-01", "2024-05-01T23:59:59.999999Z"},
	{" 2024-05-01Z ", "2024-05-01T23:59:59.999999Z"},
	{"2024-05-01+02:00", "2024-05-01T21:59:59.999999Z"},
	{"2024-05-01-05:00", "2024-05-02T04:59:59.999999Z"},
	{"294276-12-31", "294276-12-31T23:59:59.999999Z"},
	{"294276-12-31-02:00", "294276-12-31T23:59:59.999999Z"},
	{"2024-05", NOTHING}, {"2024", NOTHING}, {"2024-05-01T", NOTHING},
	{"tomorrow", NOTHING}, {"", NOTHING}
};

/* To seconds with fraction, cut */
static const Case unixtimes[] = {
	{"0", "0"},
	{"1714557600", "1714557600"},
	{" 1714557600.25\n", "1714557600.25"},
	{"1714557600.000001", "1714557600.000001"},
	{"1714557600.123456", "1714557600.123456"},
	{"1714557600.1234564", "1714557600.123456"},
	{"1714557600.1234565", "1714557600.123456"},
	{"1714557600.99999999", "1714557600.999999"},
	{"1.7145576E9", "1714557600"},
	{"1.71455760025e+9", "1714557600.25"},
	{"17145576000e-1", "1714557600"},
	{"1e-7", "0"},
	{"9e-7", "0"},
	{"-1e-7", "-0.000001"},
	{"-0.9999999", "-1"},
	{"-1.00000000000000000000000000001", "-1.000001"},
	{"-1.5000000", "-1.5"},
	{"-1", "-1"},
	{"-0.25", "-0.25"},
	{"-1.5", "-1.5"},
	{"+5", "5"},
	{".5", "0.5"},
	{"5.", "5"},
	{"0000000000000000000000000017", "17"},
	{"17.00000000000000000000000000000000000001", "17"},
	{"9223372036854.775807", "9223372036854.775807"},
	{"9223372036854.775808", NOTHING},
	{"-210866803200", "-210866803200"},
	{"-210866803200.000001", NOTHING},
	{"0e999999999999", "0"},
	{"1e999999999999", NOTHING},
	{"1e-999999999999", "0"},
	{"", NOTHING},
	{"-", NOTHING},
	{".", NOTHING},
	{"1e", NOTHING},
	{"0x10", NOTHING},
	{"1,5", NOTHING},
	{"INF", NOTHING},
	{"NaN", NOTHING},
	{"17 18", NOTHING}
};

static const Case doubles[] = {
	{"0", "0"},
	{"-1", "-1"},
	{" 10 ", "10"},
	{"0.0", "0"},
	{"-1.0", "-1"},
	{"1.0E7", "10000000"},
	{"3.5", "3.5"},
	{"+.5", "0.5"},
	{"5.", "5"},
	{"0.1", "0.1"},
	{"0.30000000000000004", "0.30000000000000004"},
	{"123456789012345678901234567890", "1.2345678901234568e+29"},
	{"9007199254740993", "9.007199254740992e+15"},
	{"4.9E-324", "5e-324"},
	{"1.7976931348623157E308", "1.7976931348623157e+308"},
	{"1e20", "1e+20"},
	{"1e23", "9.999999999999999e+22"},
	{"1e999", "INF"},
	{"INF", "INF"},
	{"-INF", "-INF"},
	{"NaN", "NaN"},
	{"", NOTHING},
	{"inf", NOTHING},
	{"Infinity", NOTHING},
	{"nan", NOTHING},
	{"0x1p3", NOTHING},
	{"1e+", NOTHING},
	{"1.2.3", NOTHING},
	{"--1", NOTHING},
	{"ten", NOTHING}
};

/* To the ids, in brackets, and the path that is built from them */
static const Case paths[] = {
	{"", ""},
	{"/", ""},
	{"Objects", ""},
	{"/Objects/", ""},
	{"SmartFridge411/temperature", "[SmartFridge411][temperature] SmartFridge411/temperature"},
	{"Objects/A/B", "[A][B] A/B"},
	{"/Objects/A/B/", "[A][B] A/B"},
	{"Objects/Objects", "[Objects] Objects"},
	{"ObjectsA", "[ObjectsA] ObjectsA"},
	{"A%2FB/c", "[A/B][c] A%2FB/c"},
	{"A%2fB/50%25", "[A/B][50%] A%2FB/50%25"},
	{"%252F", "[%2F] %252F"},
	{"K%C3%BChl%20schrank/t", "[K\xC3\xBChl schrank][t] K\xC3\xBChl schrank/t"},
	{" A / B ", "[A][B] A/B"},
	{"urn:example:fridge:7/t", "[urn:example:fridge:7][t] urn:example:fridge:7/t"},
	{"A//B", NOTHING " A path has an empty id"},
	{"A/ /B", NOTHING " A path has an empty id"},
	{"A/%20", NOTHING " A path has an empty id"},
	{"100%", NOTHING " A % in a path must be followed by two hexadecimal digits, as in %2F for / and %25 for %"},
	{"%zz", NOTHING " A % in a path must be followed by two hexadecimal digits, as in %2F for / and %25 for %"},
	{"a%00b", NOTHING " A % in a path must be followed by two hexadecimal digits, as in %2F for / and %25 for %"},
	{"%C3", NOTHING " The escapes in a path do not form valid UTF-8"}
};

static void
test_datetimes(void)
{
	for (int i = 0; i < lengthof(datetimes); i++)
	{
		const Case *c = &datetimes[i];
		StringInfoData buf;
		TimestampTz ts;

		initStringInfo(&buf);
		if (qlm_datetime_parse(c->input, strlen(c->input), &ts))
			qlm_datetime_append(&buf, ts);
		else
			appendStringInfoString(&buf, NOTHING);
		tap_is(buf.data, c->output, "dateTime \"%s\"", c->input);
	}
}

static void
test_bounds(const Case *cases, int n, bool is_end)
{
	for (int i = 0; i < n; i++)
	{
		const Case *c = &cases[i];
		StringInfoData buf;
		TimestampTz ts;

		initStringInfo(&buf);
		if (is_end ? qlm_datetime_parse_end(c->input, strlen(c->input), &ts) :
			qlm_datetime_parse_begin(c->input, strlen(c->input), &ts))
			qlm_datetime_append(&buf, ts);
		else
			appendStringInfoString(&buf, NOTHING);
		tap_is(buf.data, c->output, "%s \"%s\"", is_end ? "end" : "begin", c->input);
	}
}

static void
test_unixtimes(void)
{
	StringInfoData buf;

	for (int i = 0; i < lengthof(unixtimes); i++)
	{
		const Case *c = &unixtimes[i];
		TimestampTz ts;

		initStringInfo(&buf);
		if (qlm_unixtime_parse(c->input, strlen(c->input), &ts))
			qlm_unixtime_append(&buf, ts, true);
		else
			appendStringInfoString(&buf, NOTHING);
		tap_is(buf.data, c->output, "unixTime \"%s\"", c->input);
	}

	/* 2000-01-01 and a bit; without fraction it is the second that has begun */
	initStringInfo(&buf);
	qlm_unixtime_append(&buf, 1999999, false);
	tap_is(buf.data, "946684801", "unixTime without fraction is cut");
	resetStringInfo(&buf);
	qlm_unixtime_append(&buf, INT64CONST(-946684800250000), false);
	tap_is(buf.data, "-1", "unixTime without fraction before 1970");
	resetStringInfo(&buf);
	qlm_datetime_append(&buf, DT_NOEND);
	tap_is(buf.data, "294276-12-31T23:59:59.999999Z",
		   "infinity is the end of the calendar");
	resetStringInfo(&buf);
	qlm_unixtime_append(&buf, DT_NOBEGIN, true);
	tap_is(buf.data, "-210866803200", "-infinity is its beginning");
}

/* Days of the whole calendar, and of all months, are printed and read back. */
static void
test_calendar(void)
{
	StringInfoData buf;
	int			wrong = 0;
	TimestampTz ts = MIN_TIMESTAMP;

	initStringInfo(&buf);
	for (; ts < END_TIMESTAMP - 367 * USECS_PER_DAY; ts += 367 * USECS_PER_DAY + 86399)
	{
		TimestampTz again = 0;

		resetStringInfo(&buf);
		qlm_datetime_append(&buf, ts);
		if (!qlm_datetime_parse(buf.data, buf.len, &again) || again != ts)
			wrong++;
	}
	tap_ok(wrong == 0, "days of all years are read back as they were printed");
}

static void
test_doubles(void)
{
	for (int i = 0; i < lengthof(doubles); i++)
	{
		const Case *c = &doubles[i];
		StringInfoData buf;
		double		value;

		initStringInfo(&buf);
		if (qlm_double_parse(c->input, strlen(c->input), &value))
			qlm_double_append(&buf, value);
		else
			appendStringInfoString(&buf, NOTHING);
		tap_is(buf.data, c->output, "double \"%s\"", c->input);
	}
}

/* The quick way of qlm_double_parse must agree with strtod. */
static void
test_double_rounding(void)
{
	uint64		seed = 1;
	int			wrong = 0;

	for (int i = 0; i < 300000; i++)
	{
		char		text[64];
		double		value;

		seed = seed * UINT64CONST(6364136223846793005) + 1442695040888963407;
		snprintf(text, sizeof(text), UINT64_FORMAT "e%d",
				 seed >> (seed & 63), (int) (seed >> 32) % 40);
		if (!qlm_double_parse(text, strlen(text), &value) ||
			value != strtod(text, NULL))
			wrong++;
	}
	tap_ok(wrong == 0, "300000 doubles are the nearest to their text");
}

static void
test_paths(void)
{
	for (int i = 0; i < lengthof(paths); i++)
	{
		const Case *c = &paths[i];
		StringInfoData buf;
		StringInfoData path;
		const char *error;
		char	  **ids;
		int			nids = qlm_path_split(c->input, &ids, &error);

		initStringInfo(&buf);
		initStringInfo(&path);
		for (int j = 0; j < nids; j++)
		{
			appendStringInfo(&buf, "[%s]", ids[j]);
			qlm_path_append(&path, ids[j]);
		}
		if (nids < 0)
			appendStringInfo(&buf, NOTHING " %s", error);
		else if (nids > 0)
			appendStringInfo(&buf, " %s", path.data);
		tap_is(buf.data, c->output, "path \"%s\"", c->input);
	}
}

static void
test_path_lengths(void)
{
	StringInfoData path;
	const char *error;
	char	  **ids;

	initStringInfo(&path);
	appendStringInfoSpaces(&path, QLM_MAX_NAME);
	memset(path.data, 'x', path.len);
	tap_ok(qlm_path_split(path.data, &ids, &error) == 1,
		   "an id of %d bytes", QLM_MAX_NAME);
	appendStringInfoChar(&path, 'x');
	tap_ok(qlm_path_split(path.data, &ids, &error) == -1,
		   "one of a byte more is refused: %s", error);

	/* 834 slashes take 2502 bytes */
	resetStringInfo(&path);
	for (int i = 0; i < 834; i++)
		appendStringInfoString(&path, i == 400 ? "%2F/" : "%2F");
	tap_ok(qlm_path_split(path.data, &ids, &error) == -1,
		   "a path is measured in its escaped form: %s", error);
}

static void
test_path_is_below(void)
{
	tap_ok(qlm_path_is_below("A/B", "A"), "A/B is below A");
	tap_ok(qlm_path_is_below("A", "A"), "A is at A");
	tap_ok(qlm_path_is_below("A", ""), "all is below the root");
	tap_ok(!qlm_path_is_below("AB", "A"), "AB is not below A");
	tap_ok(!qlm_path_is_below("A", "A/B"), "A is not below A/B");
}

/* How much text/xml is wanted: quality, precision, and 2 for version 2.0 */
static const Case acceptances[] = {
	{"", "1000 0"},
	{"*/*", "1000 1"},
	{"*", "1000 1"},
	{"text/*;q=0.5, */*", "500 2"},
	{"text/xml", "1000 3"},
	{"TEXT/XML ; Q=0.25", "250 3"},
	{" text/xml;q=0.3 ,text/xml;q=0.7", "700 3"},
	{"text/xml;q=0, */*", "0 3"},
	{"text/xml;version=2.0", "1000 3 2"},
	{"text/xml; version=\"2.0\"; q=0.9", "900 3 2"},
	{"text/xml;version=1.0", "1000 3"},
	{"application/json", "0 0"},
	{"application/json;version=2.0, */*;q=0.125", "125 1"},
	{"text/xml2, atext/xml, text/xm", "0 0"},

	/* what nobody should send */
	{";;,,q=,=;/", "0 0"},
	{"text/xml;q=", "1000 3"},
	{"text/xml;q=x", "1000 3"},
	{"text/xml;q=0.99999", "999 3"},
	{"text/xml;q=7", "1000 3"},
	{"text/xml foo;q=0.5", "500 3"},
	{"text/xml;", "1000 3"},
	{",,, ,text/xml", "1000 3"},
};

static void
test_acceptances(void)
{
	for (int i = 0; i < lengthof(acceptances); i++)
	{
		const Case *c = &acceptances[i];
		QlmAcceptance a = qlm_accept_header_quality(c->input, "text/xml");
		char		got[32];

		snprintf(got, sizeof(got), "%d %d%s", a.quality, a.precision,
				 a.is_v2 ? " 2" : "");
		tap_is(got, c->output, "Accept: %s", c->input);
	}
}

static const char *const known[] = {
	"dateTime", "unixTime", "value", "type", "id", "InfoItem", "newest", "end",
	NULL
};

/* The known name that was meant; NOTHING: it is one, or another word */
static const Case spellings[] = {
	{"value", NOTHING}, {"dateTime", NOTHING}, {"owner", NOTHING},
	{"", NOTHING}, {"-", NOTHING}, {"x", NOTHING},
	{"datetime", "dateTime"}, {"DATETIME", "dateTime"},
	{"date_time", "dateTime"}, {"unix-time", "unixTime"}, {"unix.time", "unixTime"},
	{"dateTmie", "dateTime"}, {"dateTme", "dateTime"}, {"dateTimee", "dateTime"},
	{"vlaue", "value"}, {"valeu", "value"}, {"vaule", "value"},
	{"vale", "value"}, {"values", "value"}, {"Value", "value"},
	{"valve", NOTHING}, {"value1", NOTHING}, {"avlaeu", NOTHING},
	{"tpye", "type"}, {"Type", "type"}, {"typ", NOTHING}, {"types", NOTHING},
	{"ID", "id"}, {"di", NOTHING}, {"ids", NOTHING},
	{"infoitem", "InfoItem"}, {"Info_Item", "InfoItem"}, {"InfoItems", "InfoItem"},
	{"a-name-that-is-much-longer-than-any-known-name-is", NOTHING},
	{"\xC3\xA4value", NOTHING},
};

/* The same with what others call it */
static const Case hints[] = {
	{"vlaue", "value"}, {"until", "end"}, {"to", "end"}, {"End_Time", "end"},
	{"lastN", "newest"}, {"newest", NOTHING}, {"from", NOTHING}, {"", NOTHING},
	{"valve", NOTHING}
};

static void
test_spellings(void)
{
	for (int i = 0; i < lengthof(hints); i++)
	{
		const char *meant = qlm_similar_name_hint(hints[i].input, known);

		tap_is(meant ? meant : NOTHING, hints[i].output, "what \"%s\" hints at",
			   hints[i].input);
	}
	for (int i = 0; i < lengthof(spellings); i++)
	{
		const Case *c = &spellings[i];
		const char *meant = qlm_similar_name(c->input, known);

		tap_is(meant ? meant : NOTHING, c->output, "spelling of \"%s\"", c->input);
	}
}

/* What a number that is no unixTime would be in a smaller unit */
static const Case units[] = {
	{"1714557600123456", ", but in microseconds it would be 2024-05-01T10:00:00.123456Z"},
	{" 1714557600123456789 ", ", but in nanoseconds it would be 2024-05-01T10:00:00.123456Z"},
	{"1.714557600123456e15", ", but in microseconds it would be 2024-05-01T10:00:00.123456Z"},
	{"1e300", NOTHING}, {"now", NOTHING}, {"-1714557600123456", NOTHING},
	{"99999999999999999", NOTHING},
};

static void
test_units(void)
{
	for (int i = 0; i < lengthof(units); i++)
	{
		const Case *c = &units[i];
		const char *unit = qlm_unixtime_unit(c->input, strlen(c->input));

		tap_is(unit ? unit : NOTHING, c->output, "unit of %s", c->input);
	}
}

int
main(void)
{
	test_spellings();
	test_units();
	test_acceptances();
	test_datetimes();
	test_bounds(begins, lengthof(begins), false);
	test_bounds(ends, lengthof(ends), true);
	test_unixtimes();
	test_calendar();
	test_doubles();
	test_double_rounding();
	test_paths();
	test_path_lengths();
	test_path_is_below();
	shim_reset();
	return tap_done();
}
