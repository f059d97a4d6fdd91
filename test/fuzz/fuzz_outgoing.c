/*
 * fuzz_outgoing.c
 *		Any bytes as what the HTTP client sends and gets: a form must be read
 *		as what went into it, an answer that grows in pieces is the bytes that
 *		came, as far as there may be so many, and an error is ASCII.
 */
#include "postgres.h"

#include "base/limits.h"
#include "transport/client/transfer.h"
#include "transport/coding/form.h"

#include "check.h"
#include "shim.h"

#define LIMIT	512

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static void
check_form(const char *data, Size size)
{
	Size		len;
	Size		message_len;
	char	   *form = qlm_form_encode(CurrentMemoryContext, data, size, &len);
	char	   *message;

	/* Of the exact size, so that reading beyond it is noticed */
	form = memcpy(palloc(len + 1), form, len);
	form[len] = '\0';
	message = qlm_form_message(form, len, &message_len);
	check(message != NULL, "a form has no message");
	check(message_len == size && memcmp(message, data, size) == 0,
		  "a form has another message");
}

static void
check_answer(const char *data, Size size, Size piece)
{
	StringInfoData answer;

	qlm_max_message_size = LIMIT;
	initStringInfo(&answer);
	for (Size i = 0; i < size; i += piece)
	{
		Size		n = Min(piece, size - i);
		char	   *copy = memcpy(palloc(n), data + i, n);
		int64		taken;

		/* As if the setting had been lowered meanwhile */
		if (i > 2 * LIMIT)
			qlm_max_message_size = LIMIT / 2;
		taken = qlm_transfer_collect(CurrentMemoryContext, &answer, copy, n);
		check(taken >= 0 && taken <= n, "it takes what is not there");
		pfree(copy);
	}
	check(answer.len == Min(size, LIMIT), "an answer has another length");
	check(memcmp(answer.data, data, answer.len) == 0 && answer.data[answer.len] == '\0',
		  "an answer is another");
}

static void
check_error(const char *data, Size size)
{
	QlmTransfer transfer;
	char	   *text = memcpy(palloc(size + 1), data, size);

	text[size] = '\0';
	qlm_transfer_set_error(&transfer, text);
	check(strstr(text, "://") != NULL ||
		  strlen(transfer.error) == Min(strlen(text), sizeof(transfer.error) - 1),
		  "an error is cut early");
	for (const char *p = transfer.error; *p; p++)
		check(*p >= ' ' && *p <= '~', "an error is not ASCII");
	for (const char *p = transfer.error; (p = strstr(p, "://")) != NULL;)
	{
		p += 3;
		check(p[strcspn(p, "@/?#'\" ")] != '@' || strncmp(p, "***@", 4) == 0,
			  "an error has a secret");
	}
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	if (size < 1)
		return 0;

	/* The first byte is the size of the pieces. */
	check_form((const char *) data + 1, size - 1);
	check_answer((const char *) data + 1, size - 1, data[0] + 1);
	check_error((const char *) data + 1, size - 1);
	shim_reset();
	return 0;
}
