/*
 * wake_key.c
 *		What a transaction has done that others wait for, and for which keys.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "process/wake_key.h"


int			qlm_wake_pending = 0;
uint64		qlm_wake_keys[QLM_WAKE_WORDS];

uint32
qlm_wake_key_of_peer(int peer_id)
{
	return hash_bytes_uint32((uint32) peer_id) % QLM_WAKE_KEYS;
}

uint32
qlm_wake_key_of_connection(const char *name)
{
	return hash_bytes((const unsigned char *) name, strlen(name)) % QLM_WAKE_KEYS;
}

uint32
qlm_wake_key_of_subscription(int64 request_id)
{
	return hash_bytes((const unsigned char *) &request_id,
					  sizeof(request_id)) % QLM_WAKE_KEYS;
}

void
qlm_wake_key_note(uint32 key)
{
	qlm_wake_keys[key / 64] |= UINT64CONST(1) << (key % 64);
}

void
qlm_wake_key_note_all(void)
{
	memset(qlm_wake_keys, 0xff, sizeof(qlm_wake_keys));
}
