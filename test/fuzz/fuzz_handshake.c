/*
 * fuzz_handshake.c
 *		Any lines as headers of the opening handshake of a WebSocket: a list of
 *		tokens, a version and a key.  A key that is taken gets an answer.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "utils/resowner.h"

#include "transport/coding/header.h"
#include "transport/coding/handshake.h"

#include "shim.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

ResourceOwner CurrentResourceOwner = NULL;

ResourceOwner
ResourceOwnerCreate(ResourceOwner parent, const char *name)
{
	return palloc(1);
}

void
ResourceOwnerDelete(ResourceOwner owner)
{
	pfree(owner);
}

/* Instead of the hash: it reads what it is given and fills the result. */
struct pg_cryptohash_ctx
{
	uint8		sum;
};

pg_cryptohash_ctx *
pg_cryptohash_create(pg_cryptohash_type type)
{
	return palloc0(sizeof(pg_cryptohash_ctx));
}

int
pg_cryptohash_init(pg_cryptohash_ctx *ctx)
{
	return 0;
}

int
pg_cryptohash_update(pg_cryptohash_ctx *ctx, const uint8 *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		ctx->sum = ctx->sum * 31 + data[i];
	return 0;
}

int
pg_cryptohash_final(pg_cryptohash_ctx *ctx, uint8 *dest, size_t len)
{
	memset(dest, ctx->sum, len);
	return 0;
}

void
pg_cryptohash_free(pg_cryptohash_ctx *ctx)
{
	pfree(ctx);
}

/* The next line, of the exact size, so that reading beyond it is noticed */
static char *
next_line(const uint8 **data, size_t *size)
{
	const uint8 *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t		len = end ? end - *data : *size;
	char	   *line = palloc(len + 1);

	if (len > 0)
		memcpy(line, *data, len);
	line[len] = '\0';
	*data += end ? len + 1 : len;
	*size -= end ? len + 1 : len;
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char	   *list = next_line(&data, &size);
	char	   *version = next_line(&data, &size);
	char	   *key = next_line(&data, &size);
	char		accept[QLM_ACCEPT_SIZE];
	QlmHandshake handshake = qlm_handshake_check(version, key);

	if (qlm_header_has_token(list, "Upgrade") && strlen(list) < strlen("Upgrade"))
		abort();
	if (qlm_header_has_token(version, list) && strlen(version) < strlen(list))
		abort();
	if (qlm_handshake_check(NULL, key) != QLM_HANDSHAKE_BAD_VERSION ||
		qlm_handshake_check("13", NULL) != QLM_HANDSHAKE_BAD_KEY)
		abort();

	/* http_connection.c keeps a key that is taken in QLM_KEY_SIZE bytes. */
	if (handshake == QLM_HANDSHAKE_GOOD && strlen(key) != QLM_KEY_SIZE - 1)
		abort();
	if (!qlm_handshake_accept(key, accept) || strlen(accept) != 28)
		abort();
	if (CurrentResourceOwner != NULL)
		abort();
	shim_reset();
	return 0;
}
