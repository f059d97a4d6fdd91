/*
 * journal.c
 *		The journal of envelopes in and out, qlm.message.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "storage/catalog.h"
#include "storage/journal.h"

/* Rows that are kept, and bytes of each message */
#define KEPT_ROWS		100000
#define KEPT_SIZE		(64 * 1024)

int			qlm_log_messages = QLM_LOG_NONE;

static QlmPlan insert_plan = {
	"INSERT INTO qlm.message"
	" (at, direction, peer, verb, return_code, envelope, duration)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING message_no",
	7, {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, INTERVALOID}
};

static QlmPlan change_plan = {
	"UPDATE qlm.message SET at = $2, return_code = $3, envelope = $4,"
	" duration = $5 WHERE message_no = $1",
	5, {INT8OID, TIMESTAMPTZOID, INT4OID, TEXTOID, INTERVALOID}
};

static QlmPlan trim_plan = {
	"DELETE FROM qlm.message WHERE message_no <="
	" (SELECT message_no FROM qlm.message"
	" ORDER BY message_no DESC OFFSET $1 LIMIT 1)",
	1, {INT8OID}
};

static bool
is_name_char(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '-' || c == '.' || IS_HIGHBIT_SET(c);
}

/*
 * Does an attribute of this name begin here?  Returns the length up to and
 * with its opening quote, or 0.
 */
static int
attribute_length(const char *text, int len, const char *name)
{
	int			i = strlen(name);

	if (len < i || pg_strncasecmp(text, name, i) != 0)
		return 0;
	while (i < len && isspace((unsigned char) text[i]))
		i++;
	if (i >= len || text[i++] != '=')
		return 0;
	while (i < len && isspace((unsigned char) text[i]))
		i++;
	return (i < len && (text[i] == '"' || text[i] == '\'')) ? i + 1 : 0;
}

/* Replace the values of attributes that hold credentials. */
static char *
mask_credentials(const char *text, int len)
{
	StringInfoData buf;
	int			i = 0;

	initStringInfo(&buf);
	while (i < len)
	{
		int			n = 0;
		char		quote;

		if (i == 0 || !is_name_char(text[i - 1]))
		{
			n = attribute_length(text + i, len - i, "authorization");
			if (n == 0)
				n = attribute_length(text + i, len - i, "token");
		}
		if (n == 0)
		{
			appendStringInfoCharMacro(&buf, text[i]);
			i++;
			continue;
		}
		appendBinaryStringInfo(&buf, text + i, n);
		appendStringInfoString(&buf, "***");
		i += n;
		quote = text[i - 1];
		while (i < len && text[i] != quote)
			i++;
	}
	return buf.data;
}

/*
 * What came need not be text at all.  With NUL bytes, as in UTF-16, a
 * credential could not be recognised: nothing is kept then.
 */
static char *
storable_text(const char *data, Size size)
{
	int			len = (int) Min(size, (Size) KEPT_SIZE);
	char	   *text;

	if (data == NULL || memchr(data, '\0', len) != NULL)
		return NULL;
	if (len < size)
		len = pg_mbcliplen(data, len, len);
	text = mask_credentials(data, len);
	if (!pg_verify_mbstr(GetDatabaseEncoding(), text, strlen(text), true))
		for (char *c = text; *c; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return text;
}

static int64
add_row(const char *direction, TimestampTz at, const char *peer,
		const char *verb, int return_code, const char *text,
		Interval *duration)
{
	Datum		values[7];
	char		nulls[7];
	bool		isnull;
	int64		message_no;

	memset(nulls, ' ', sizeof(nulls));
	values[0] = TimestampTzGetDatum(at);
	values[1] = CStringGetTextDatum(direction);
	values[2] = CStringGetTextDatum(peer ? peer : "");
	nulls[2] = peer ? ' ' : 'n';
	values[3] = CStringGetTextDatum(verb ? verb : "");
	nulls[3] = verb ? ' ' : 'n';
	values[4] = Int32GetDatum(return_code);
	values[5] = CStringGetTextDatum(text ? text : "");
	nulls[5] = text ? ' ' : 'n';
	values[6] = IntervalPGetDatum(duration);
	nulls[6] = duration ? ' ' : 'n';
	qlm_plan_execute(&insert_plan, values, nulls, 0);
	message_no = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return message_no;
}

int64
qlm_journal_add(const char *peer, const char *verb, int return_code,
				TimestampTz started_at, const char *in, Size in_len,
				const char *out, Size out_len)
{
	TimestampTz now = GetCurrentTimestamp();
	Interval	duration = {0};
	QlmRights	saved;
	int64		message_no;

	if (XactReadOnly)
		return 0;
	duration.time = now - started_at;
	qlm_rights_become_owner(&saved);
	(void) add_row("in", started_at, peer, verb, return_code,
				   storable_text(in, in_len), NULL);
	message_no = add_row("out", now, peer, verb, return_code,
						 storable_text(out, out_len), &duration);
	qlm_rights_restore(&saved);
	return message_no;
}

void
qlm_journal_change(int64 message_no, int return_code, TimestampTz started_at,
				   const char *out, Size out_len)
{
	TimestampTz now = GetCurrentTimestamp();
	char	   *text = storable_text(out, out_len);
	Interval	duration = {0};
	Datum		values[5];
	char		nulls[5] = "     ";
	QlmRights	saved;

	if (XactReadOnly)
		return;
	duration.time = now - started_at;
	values[0] = Int64GetDatum(message_no);
	values[1] = TimestampTzGetDatum(now);
	values[2] = Int32GetDatum(return_code);
	values[3] = CStringGetTextDatum(text ? text : "");
	nulls[3] = text ? ' ' : 'n';
	values[4] = IntervalPGetDatum(&duration);
	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&change_plan, values, nulls, 0);
	qlm_rights_restore(&saved);
}

void
qlm_journal_trim(void)
{
	Datum		values[1] = {Int64GetDatum(KEPT_ROWS)};
	QlmRights	saved;

	qlm_rights_become_owner(&saved);
	qlm_plan_execute(&trim_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
}
