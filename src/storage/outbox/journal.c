/*
 * journal.c
 *		The journal of envelopes in and out, qlm.journal.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "message/redact.h"
#include "storage/core/plan.h"
#include "storage/core/rights.h"
#include "storage/outbox/journal.h"
#include "storage/peer/credential.h"

/* Limits: rows kept, and bytes kept of each envelope */
#define KEPT_ROWS		100000
#define KEPT_SIZE		(64 * 1024)

/*
 * In a minute a process writes at most this part of qlm.max_journal_size.
 * Beyond that envelopes are cut, until the journal is trimmed.
 */
#define PACE_PART		8
#define CUT_SIZE		1024

/* Shorter secrets would match by chance. */
#define MIN_SECRET		6

int			qlm_log_messages = QLM_LOG_NONE;
int			qlm_max_journal_size = 1024;

static QlmPlan insert_plan = {
	"INSERT INTO qlm.journal"
	" (at, direction, peer, verb, return_code, envelope, duration)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING journal_no",
	7, {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, INTERVALOID}
};

static QlmPlan change_plan = {
	"UPDATE qlm.journal SET at = $2, return_code = $3, envelope = $4,"
	" duration = $5 WHERE journal_no = $1",
	5, {INT8OID, TIMESTAMPTZOID, INT4OID, TEXTOID, INTERVALOID}
};

/* pg_column_size gives the size on disk without reading the text. */
static QlmPlan size_plan = {
	"DELETE FROM qlm.journal WHERE journal_no <= (SELECT journal_no FROM"
	" (SELECT journal_no, pg_catalog.sum(pg_catalog.pg_column_size(envelope))"
	" OVER (ORDER BY journal_no DESC) AS bytes FROM qlm.journal"
	" WHERE pg_catalog.pg_table_size('qlm.journal') > $1 / 2) AS m"
	" WHERE bytes > $1 ORDER BY journal_no DESC LIMIT 1)",
	1, {INT8OID}
};

static QlmPlan trim_plan = {
	"DELETE FROM qlm.journal WHERE journal_no <="
	" (SELECT journal_no FROM qlm.journal"
	" ORDER BY journal_no DESC OFFSET $1 LIMIT 1)",
	1, {INT8OID}
};

/* Masks the credential of the caller wherever else it stands in the text. */
static void
mask_shown(char *text, const char *authorization)
{
	char	   *user;
	char	   *secret;

	if (authorization == NULL)
		return;
	qlm_redact_literal(text, authorization);
	if (qlm_credential_split(authorization, &user, &secret) &&
		strlen(secret) >= MIN_SECRET)
		qlm_redact_literal(text, secret);
}

/* Returns how many bytes of an envelope are kept, and counts them. */
static Size
size_to_keep(Size size)
{
	static TimestampTz since = 0;
	static int64 written = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (now < since || now > since + USECS_PER_MINUTE)
	{
		since = now;
		written = 0;
	}
	size = Min(size, (Size) KEPT_SIZE);
	if (written + (int64) size > (int64) qlm_max_journal_size * (1024 * 1024 / PACE_PART))
		size = Min(size, (Size) CUT_SIZE);
	written += size;
	return size;
}

/*
 * Returns the text to store, or NULL. What came may be anything: in text with
 * NUL bytes, as in UTF-16, credentials could not be found, so it is not
 * stored.
 */
static char *
storable_text(const char *data, Size size, const QlmJournalEntry *entry, bool is_clear)
{
	int			len = (int) size_to_keep(size);
	StringInfoData text;

	if (data == NULL || memchr(data, '\0', len) != NULL)
		return NULL;
	if (len < size)
		len = pg_mbcliplen(data, len, len);
	initStringInfo(&text);
	qlm_redact(&text, data, len, is_clear);
	mask_shown(text.data, entry->shown);
	mask_shown(text.data, entry->claimed);
	if (!pg_verify_mbstr(GetDatabaseEncoding(), text.data, strlen(text.data), true))
		for (char *c = text.data; *c; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return text.data;
}

static int64
add_row(const QlmJournalEntry *entry, const char *direction, TimestampTz at,
		const char *text, Interval *duration)
{
	Datum		values[7];
	char		nulls[7];
	bool		isnull;
	int64		journal_no;

	memset(nulls, ' ', sizeof(nulls));
	values[0] = TimestampTzGetDatum(at);
	values[1] = CStringGetTextDatum(direction);
	values[2] = CStringGetTextDatum(entry->peer ? entry->peer : "");
	nulls[2] = entry->peer ? ' ' : 'n';
	values[3] = CStringGetTextDatum(entry->verb ? entry->verb : "");
	nulls[3] = entry->verb ? ' ' : 'n';
	values[4] = Int32GetDatum(entry->return_code);
	values[5] = CStringGetTextDatum(text ? text : "");
	nulls[5] = text ? ' ' : 'n';
	values[6] = IntervalPGetDatum(duration);
	nulls[6] = duration ? ' ' : 'n';
	qlm_plan_execute(&insert_plan, values, nulls, 0);
	journal_no = DatumGetInt64(qlm_spi_datum(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return journal_no;
}

int64
qlm_journal_add(const QlmJournalEntry *entry)
{
	TimestampTz now = GetCurrentTimestamp();
	Interval	duration = {0};
	QlmRights	saved;
	int64		journal_no;

	if (XactReadOnly)
		return 0;
	duration.time = now - entry->started_at;
	qlm_rights_become_owner(&saved);
	(void) add_row(entry, "in", entry->started_at,
				   storable_text(entry->in, entry->in_len, entry, entry->is_clear),
				   NULL);
	journal_no = add_row(entry, "out", now,
						 storable_text(entry->out, entry->out_len, entry, true),
						 &duration);
	qlm_rights_restore(&saved);
	return journal_no;
}

void
qlm_journal_change(int64 journal_no, const QlmJournalEntry *entry)
{
	TimestampTz now = GetCurrentTimestamp();
	char	   *text = storable_text(entry->out, entry->out_len, entry, true);
	Interval	duration = {0};
	Datum		values[5];
	char		nulls[] = "     ";
	QlmRights	saved;

	if (XactReadOnly)
		return;
	duration.time = now - entry->started_at;
	values[0] = Int64GetDatum(journal_no);
	values[1] = TimestampTzGetDatum(now);
	values[2] = Int32GetDatum(entry->return_code);
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
	values[0] = Int64GetDatum((int64) qlm_max_journal_size * 1024 * 1024);
	qlm_plan_execute(&size_plan, values, NULL, 0);
	qlm_rights_restore(&saved);
}
