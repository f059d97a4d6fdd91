/*
 * fuzz_http.c
 *		Any bytes as values of headers and as forms: what is found lies within
 *		the body, and what is copied fits.  The first line is the header, the
 *		rest the body.
 */
#include "postgres.h"

#include "base/accept_header.h"
#include "base/forwarded.h"
#include "base/host.h"
#include "base/origin.h"
#include "transport/coding/form.h"
#include "transport/coding/header.h"
#include "transport/coding/multipart.h"

#include "shim.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static char *
copy_text(const uint8 *data, size_t size)
{
	char	   *copy = palloc(size + 1);

	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

static void
check_within(const char *part, Size part_len, const char *body, Size len)
{
	if (part && (part < body || part + part_len > body + len))
		abort();
}

/* What is shown of them needs no escaping. */
static void
check_forwarded(const char *value)
{
	const QlmForwarded forwarded = {value, value, value};
	StringInfoData address;
	int			len;
	const char *prefix = qlm_forwarded_prefix(&forwarded, &len);

	initStringInfo(&address);
	qlm_forwarded_append_address(&address, &forwarded, value, &(QlmHostNames) {"*", NULL, NULL});
	if (strpbrk(address.data, "<>&\"' ") || (len > 0 && prefix[0] != '/'))
		abort();
}

static void
check_header(const char *value)
{
	char		text[8];
	uint64		length;
	const char *bad;
	int			bad_len;

	if (qlm_header_parameter(value, "charset", text, sizeof(text)) &&
		(strlen(text) == 0 || strlen(text) >= sizeof(text)))
		abort();
	if (qlm_header_quality(value, "gzip") > 1000)
		abort();
	if (qlm_accept_header_quality(value, "application/json").quality > 1000)
		abort();
	check_forwarded(value);
	(void) qlm_header_accept_encoding(value);
	(void) qlm_header_prefer_wait(value);
	(void) qlm_header_is_form(value);
	(void) qlm_header_length(value, strlen(value), &length);
	(void) qlm_origin_judge(value, &(QlmOriginCaller) {value, value, value, value, value, false, value, strlen(value)});
	if (qlm_host_is_ours(value, &(QlmHostNames) {"", "*", value}) &&
		!qlm_host_is_ours(value, &(QlmHostNames) {"*", "", ""}))
		abort();
	if (!qlm_host_list_valid(value, &bad, &bad_len))
		check_within(bad, bad_len, value, strlen(value));
	if (!qlm_origin_list_valid(value, &bad, &bad_len))
		check_within(bad, bad_len, value, strlen(value));
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	const uint8 *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t		head = line_end ? line_end - data : size;
	size_t		len = line_end ? size - head - 1 : 0;
	char	   *value = copy_text(data, head);
	char	   *body = copy_text(data + size - len, len);
	char		charset[16];
	Size		found_len = 0;
	char	   *found;

	check_header(value);
	found = qlm_form_message(copy_text(data + size - len, len), len, &found_len);
	if (found && found_len > len)
		abort();
	found = qlm_multipart_message(body, len, value, &found_len, charset, sizeof(charset));
	check_within(found, found_len, body, len);
	if (found && strlen(charset) >= sizeof(charset))
		abort();
	(void) qlm_form_decode_path(value);
	shim_reset();
	return 0;
}
