/*
 * rounds.c
 *		Dialogs in which the answer to each post brings the next request.
 *
 * A dialog that does not end, because a peer floods this node or two nodes
 * trigger each other, rests after so many rounds.  So it cannot take all of
 * the dispatcher's time.  What it has brought is kept, and it goes on after
 * the rest.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/dispatcher/rounds.h"

#define REST_MS			20

typedef struct Dialog
{
	char	   *key;			/* of the endpoint */
	int			rounds;			/* in a row */
	TimestampTz rests_until;	/* 0: it does not rest */
} Dialog;

static List *dialogs = NIL;

static Dialog *
find_dialog(const char *key)
{
	ListCell   *lc;

	foreach(lc, dialogs)
	{
		Dialog	   *dialog = lfirst(lc);

		if (strcmp(dialog->key, key) == 0)
			return dialog;
	}
	return NULL;
}

static void
forget(Dialog *dialog)
{
	dialogs = list_delete_ptr(dialogs, dialog);
	pfree(dialog->key);
	pfree(dialog);
}

static Dialog *
begin_dialog(const char *key)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
	Dialog	   *dialog = palloc0(sizeof(Dialog));

	dialog->key = pstrdup(key);
	dialogs = lappend(dialogs, dialog);
	MemoryContextSwitchTo(caller);
	return dialog;
}

void
qlm_rounds_note(const char *key, int nrequests)
{
	Dialog	   *dialog = find_dialog(key);

	if (nrequests == 0)
	{
		if (dialog)
			forget(dialog);
		return;
	}
	if (dialog == NULL)
		dialog = begin_dialog(key);
	if (++dialog->rounds >= QLM_MAX_ROUNDS)
		dialog->rests_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														  REST_MS);
}

/* A rest that is too long was begun before the clock was set back. */
static bool
rests(const Dialog *dialog, TimestampTz now)
{
	return dialog->rests_until > now &&
		dialog->rests_until <= TimestampTzPlusMilliseconds(now, REST_MS);
}

List *
qlm_rounds_resting(void)
{
	TimestampTz now = GetCurrentTimestamp();
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, list_copy(dialogs))
	{
		Dialog	   *dialog = lfirst(lc);

		if (rests(dialog, now))
			keys = lappend(keys, dialog->key);
		else if (dialog->rests_until != 0)
			forget(dialog);
	}
	return keys;
}

TimestampTz
qlm_rounds_due(void)
{
	TimestampTz due = DT_NOEND;
	ListCell   *lc;

	foreach(lc, dialogs)
	{
		const Dialog *dialog = lfirst(lc);

		if (dialog->rests_until != 0)
			due = Min(due, dialog->rests_until);
	}
	return due;
}
