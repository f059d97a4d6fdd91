/*
 * request_hash.c
 *		A hash of what a request asks for.  Its number does not identify it: a
 *		node that counts from 1 at each start gives the same numbers again.
 *
 * The envelope is printed in one dialect, whatever it came in, and hashed.
 * What differs between copies of a request is left out: the ttl that remains,
 * the hops, and credentials.
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
