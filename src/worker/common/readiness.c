/*
 * readiness.c
 *		Whether a worker can run messages in its database, and if not, why.
 *
 * The reason is logged once, as it may be long until somebody calls.  It is
 * shown in qlm.stat_worker for as long as it lasts.
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "storage/core/catalog.h"
#include "worker/common/readiness.h"
#include "worker/common/worker_slot.h"

/*
 * Whether the session's user is a superuser; whether the extension was created
 * after the worker had started
 */
static bool is_superuser = false;
static bool must_start_again = false;

/* The schema or a table was renamed.  Callers are not told any details. */
static bool damaged = false;

void
qlm_readiness_note_session(bool of_superuser)
{
	is_superuser = of_superuser;
}

static void
show_why_not(bool holds, bool shown)
{
	if (holds != shown)
		qlm_slot_error(qlm_slot_mine(), holds ? qlm_worker_why_not() : "");
}

static void
tell_of_version(void)
{
	static bool told = false;
	bool		outdated = qlm_catalog_outdated();

	if (outdated && !told)
		ereport(LOG,
				(errmsg("qlm cannot serve database \"%s\": its extension qlm does not have version %s, which the server's library is of",
						get_database_name(MyDatabaseId), QLM_VERSION),
				 errhint("ALTER EXTENSION qlm UPDATE; in that database.")));
	show_why_not(outdated, told);
	told = outdated;
}

static void
tell_of_damage(void)
{
	const char *why;
	const char *hint;
	bool		told = damaged;

	damaged = qlm_catalog_damaged(&why, &hint);
	if (damaged && !told)
		ereport(LOG,
				(errmsg("qlm cannot serve database \"%s\": %s",
						get_database_name(MyDatabaseId), why),
				 errhint("%s", hint)));
	show_why_not(damaged, told);
}

/* Messages need a server encoding into which any text can be converted. */
static bool
has_encoding(void)
{
	return GetDatabaseEncoding() == PG_UTF8;
}

static void
tell_of_encoding(void)
{
	static bool told = false;

	if (!told)
		ereport(LOG,
				(errmsg("qlm cannot serve database \"%s\": its encoding is %s, and qlm needs UTF8",
						get_database_name(MyDatabaseId), GetDatabaseEncodingName()),
				 errhint("Dump it, and restore it into CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.")));
	show_why_not(true, told);
	told = true;
}

/* After a restore policies may be missing. */
static void
tell_of_restore(void)
{
	static bool told = false;
	bool		incomplete = qlm_catalog_incomplete();

	if (incomplete && !told)
		ereport(LOG,
				(errmsg("qlm does not serve database \"%s\": its restore is not complete",
						get_database_name(MyDatabaseId)),
				 errhint("When all rows are there: SELECT qlm_restore_customizations(); in that database, or qlm_drop_customizations() to go on without what was set up on the tables.")));
	show_why_not(incomplete, told);
	told = incomplete;
}

bool
qlm_worker_can_serve(void)
{
	bool		available;

	if (!has_encoding())
	{
		tell_of_encoding();
		return false;
	}
	available = qlm_catalog_available();
	qlm_catalog_look_at_restore();
	tell_of_version();
	tell_of_damage();
	tell_of_restore();
	if (!available || qlm_catalog_incomplete())
		return false;
	must_start_again = is_superuser;
	return !must_start_again;
}

const char *
qlm_worker_why_not(void)
{
	if (!has_encoding())
		return "The encoding of the database is not UTF8, which qlm needs.";
	if (qlm_catalog_incomplete())
		return "The restore of the database is not complete: when all rows are there, SELECT qlm_restore_customizations().";
	if (damaged)
		return "The schema or a table of the extension qlm has another name in the database: the server's log says how to undo that.";
	return qlm_catalog_outdated() ?
		"The extension qlm in the database does not have version " QLM_VERSION ", which the server's library is of: ALTER EXTENSION qlm UPDATE." :
		"The extension qlm is not in the database.";
}

const char *
qlm_worker_missing(bool dispatches, bool listens)
{
	if (listens)
		return dispatches ? "fewer HTTP workers run than qlm.http_workers says" :
			"no dispatcher runs, so nothing is sent to callbacks and peers";
	return dispatches ? "the dispatcher runs, but no HTTP worker, so nobody can connect" :
		"neither the dispatcher nor an HTTP worker runs";
}

bool
qlm_worker_must_start_again(void)
{
	return must_start_again;
}
