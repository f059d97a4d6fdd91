/*
 * request_target.c
 *		The target of a request line.
 */
#include "postgres.h"

#include "transport/http/request_target.h"

/* Returns what follows "http://" or "https://", or NULL. */
static const char *
after_scheme(const char *target)
{
	if (pg_strncasecmp(target, "http://", 7) == 0)
		return target + 7;
	if (pg_strncasecmp(target, "https://", 8) == 0)
		return target + 8;
	return NULL;
}

const char *
qlm_request_target_path(const char *target, char authority[QLM_AUTHORITY_SIZE])
{
	const char *start = after_scheme(target);
	Size		len;

	authority[0] = '\0';
	if (start == NULL)
		return target[0] == '/' || strcmp(target, "*") == 0 ? target : NULL;
	len = strcspn(start, "/");
	if (len == 0 || len >= QLM_AUTHORITY_SIZE || memchr(start, '@', len))
		return NULL;
	memcpy(authority, start, len);
	authority[len] = '\0';
	return start[len] == '\0' ? "/" : start + len;
}
