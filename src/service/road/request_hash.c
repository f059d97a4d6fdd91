/*
 * request_hash.c
 *		Tells requests apart by what they ask for: the number that one bears may
 *		have been given to another before, by a node that counts from 1 whenever it
 *		starts.
 *
 * The message is printed in one dialect, whatever it came in, and hashed.  What
 * changes from one copy of a request to the next is left out: the ttl that
 * remains, the way that it came, and who shows what to whom.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "message/text/envelope_text.h"
#include "service/road/request_hash.h"

char *
qlm_request_hash(const QlmEnvelope *envelope)
{
	QlmEnvelope plain = *envelope;
	const unsigned char *text;
	Size		len;

	plain.dialect = *qlm_dialect_by_key("M2");
	plain.ttl = -1;
	plain.authorization = NULL;
	plain.hops = NULL;
	plain.key = NULL;
	plain.acknowledge = false;
	text = (const unsigned char *) qlm_envelope_to_text(&plain);
	len = strlen((const char *) text);
	return psprintf("%016llx%016llx",
					(unsigned long long) hash_bytes_extended(text, len, 0),
					(unsigned long long) hash_bytes_extended(text, len, 1));
}
