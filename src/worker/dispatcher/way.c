/*
 * way.c
 *		How peers are called, for qlm.stat_peer.  It is written when it
 *		changes, and otherwise every few seconds, with the time of the last
 *		call.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "storage/peer/peer_note.h"
#include "worker/dispatcher/way.h"

#define NOTE_MS		10000
#define MAX_NOTED	10000	/* then all are forgotten */

typedef struct Noted
{
	int			peer_id;
	uint64		what;			/* hash of what was written */
	TimestampTz at;
} Noted;

static HTAB *noted = NULL;

static Noted *
find(int peer_id, bool *found)
{
	HASHCTL		control = {0};

	if (noted && hash_get_num_entries(noted) >= MAX_NOTED)
	{
		hash_destroy(noted);
		noted = NULL;
	}
	control.keysize = sizeof(int);
	control.entrysize = sizeof(Noted);
	if (noted == NULL)
		noted = hash_create("qlm ways", 64, &control, HASH_ELEM | HASH_BLOBS);
	return hash_search(noted, &peer_id, HASH_ENTER, found);
}

static uint64
hash_text(const char *text, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) text, strlen(text), seed);
}

void
qlm_way_note(int peer_id, const QlmTransfer *transfer, const char *why)
{
	QlmWay		way = {
		transfer->through, transfer->address, transfer->status,
		why ? why : transfer->answer.len > 0 ? "an envelope" : "an empty answer"
	};
	uint64		what = hash_text(way.through, hash_text(way.address, hash_text(way.words, way.code)));
	TimestampTz now = GetCurrentTimestamp();
	bool		found;
	Noted	   *entry = find(peer_id, &found);

	if (found && entry->what == what && entry->at <= now &&
		!TimestampDifferenceExceeds(entry->at, now, NOTE_MS))
		return;
	entry->what = what;
	entry->at = qlm_peer_note_way(peer_id, &way) ? now : 0;
}
