/*
 * fuzz_text.c
 *		Any bytes as a path, a number, a time, a list of addresses, a URL, and
 *		a message with secrets.  What is read is written, and must be read as
 *		the same.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <math.h>

#include "base/address.h"
#include "base/datetime.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/path_map.h"
#include "base/url.h"
#include "message/redact.h"

#include "check.h"
#include "shim.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static void
check_path(const char *text)
{
	StringInfoData path;
	QlmPathMap	map = {0};
	const char *error;
	char	  **ids;
	char	  **again;
	int			n = qlm_path_split(text, &ids, &error);

	check((n < 0) == (error != NULL), "a path is neither taken nor refused");
	initStringInfo(&path);
	for (int i = 0; i < n; i++)
	{
		check(ids[i][0] && strlen(ids[i]) <= QLM_MAX_NAME, "an id is empty or too long");
		qlm_path_append(&path, ids[i]);
	}
	check(path.len <= QLM_MAX_PATH, "a path is too long");
	check(qlm_path_is_below(path.data, path.data), "a path is not below itself");
	qlm_path_map_add(&map, path.data, &map);
	qlm_path_map_sort(&map);
	check(list_length(qlm_path_map_find(&map, path.data)) == 1, "a path is not found");

	/* An id may be "Objects" too. */
	if (n <= 0 || strcmp(ids[0], "Objects") == 0)
		return;
	check(qlm_path_split(path.data, &again, &error) == n, "a path has other ids");
	for (int i = 0; i < n; i++)
		check(strcmp(ids[i], again[i]) == 0, "an id is another");
}

static void
check_number(const char *text, int len)
{
	StringInfoData buf;
	double		value;
	double		again;
	int64		decimal;

	for (int scale = 0; scale < 19; scale += 6)
		(void) qlm_decimal_parse(text, len, scale, &decimal);
	if (!qlm_double_parse(text, len, &value) || isnan(value) || isinf(value))
		return;
	initStringInfo(&buf);
	qlm_double_append(&buf, value);
	check(qlm_double_parse(buf.data, buf.len, &again) && again == value, "a number is another");
}

static void
check_time(const char *text, int len)
{
	StringInfoData buf;
	TimestampTz ts;
	TimestampTz again;

	initStringInfo(&buf);
	if (qlm_datetime_parse(text, len, &ts))
	{
		qlm_datetime_append(&buf, ts);
		check(qlm_datetime_parse(buf.data, buf.len, &again) && again == ts, "a time is another");
	}
	resetStringInfo(&buf);
	if (qlm_unixtime_parse(text, len, &ts))
	{
		qlm_unixtime_append(&buf, ts, true);
		check(qlm_unixtime_parse(buf.data, buf.len, &again) && again == ts,
			  "a unixTime is another");
	}
}

static void
check_addresses(const char *list)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010203)};
	struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const char *bad;
	int			bad_len;

	(void) qlm_address_list_matches(list, (struct sockaddr *) &address, list);
	(void) qlm_address_list_matches(list, (struct sockaddr *) &address6, "example.com");
	(void) qlm_address_list_may_match(list, list, strlen(list));
	if (!qlm_address_list_valid(list, false, &bad, &bad_len))
		check(bad >= list && bad_len >= 0 && bad + bad_len <= list + strlen(list),
			  "what is wrong is not in the list");
}

static void
check_url(const char *text)
{
	const char *host;
	int			len;

	if (qlm_url_is_http(text, &host, &len))
		check(host > text && len > 0 && host + len <= text + strlen(text) &&
			  strcspn(host, " /?#@[]") >= (size_t) len, "a host is none");
}

/* What could not be read keeps nothing of a secret at its end, whatever came before. */
static void
check_redact(const char *bytes, int size)
{
	static const char secret[] = " authorization=\"S3CR3T\"";
	StringInfoData out;
	char	   *text = palloc(size + sizeof(secret));

	memcpy(text, bytes, size);
	memcpy(text + size, secret, sizeof(secret));
	initStringInfo(&out);
	qlm_redact(&out, text, size + sizeof(secret) - 1, false);
	text[size] = '\0';
	check(strstr(out.data, "S3CR3T") == NULL || memchr(bytes, '\0', size) != NULL ||
		  strstr(text, "S3CR3T") != NULL, "a secret is kept");
	initStringInfo(&out);
	qlm_redact(&out, bytes, size, true);
	check(out.len <= size * 4 + 16, "more is kept than came");
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	/* Of the exact size, so that reading beyond it is noticed */
	char	   *bytes = palloc(size);
	char	   *text = palloc(size + 1);

	if (size > 0)
	{
		memcpy(bytes, data, size);
		memcpy(text, data, size);
	}
	text[size] = '\0';
	check_path(text);
	check_addresses(text);
	check_url(text);
	check_number(bytes, (int) size);
	check_time(bytes, (int) size);
	check_redact(bytes, (int) size);
	shim_reset();
	return 0;
}
