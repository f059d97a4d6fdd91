/*
 * fuzz_envelope.c
 *		Any bytes into qlm_envelope_parse; what it understood must be understood
 *		again when it has been printed, and come to rest: the second and the
 *		third print are the same.  The first may still differ, as an answer
 *		without payload does not show the paper's dialect.
 *
 * Built with libFuzzer, or as all targets with standalone.c to run over files.
 */
#include "postgres.h"

#include "message/envelope.h"
#include "message/text/envelope_text.h"

#include "shim.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

/* The first byte of an input chooses what the transport says. */
static const char *const charsets[] = {
	NULL, "utf-8", "iso-8859-1", "utf-16", "windows-1252", "unknown"
};

static void
complain(const char *what, const char *error, StringInfo first,
		 StringInfo second)
{
	fprintf(stderr, "%s: %s\n--- before\n%s\n--- after\n%s\n",
			what, error ? error : "", first->data, second->data);
	abort();
}

/* Print, parse and print; false if it has become too large for that. */
static bool
turn(const QlmEnvelope *envelope, StringInfo before, StringInfo after)
{
	QlmEnvelope *again;
	int			error_code;
	const char *error;

	again = qlm_envelope_parse(before->data, before->len, "utf-8",
							   &error_code, &error);
	if (error_code == 413)
		return false;
	qlm_envelope_print(after, again);
	if (error_code != 0)
		complain("what was printed is not understood", error, before, after);
	if (list_length(again->requests) != list_length(envelope->requests))
		complain("another number of verbs", NULL, before, after);
	return true;
}

static void
print_and_parse_again(const QlmEnvelope *envelope)
{
	StringInfoData prints[3];

	for (int i = 0; i < 3; i++)
		initStringInfo(&prints[i]);
	qlm_envelope_print(&prints[0], envelope);
	if (!turn(envelope, &prints[0], &prints[1]) ||
		!turn(envelope, &prints[1], &prints[2]))
		return;
	if (strcmp(prints[1].data, prints[2].data) != 0)
		complain("does not come to rest", NULL, &prints[1], &prints[2]);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	QlmEnvelope *envelope;
	int			error_code;
	const char *error;
	const char *charset = NULL;

	/* Corpus files are plain messages and start with '<'. */
	if (size > 0 && data[0] < lengthof(charsets))
	{
		charset = charsets[data[0]];
		data++;
		size--;
	}
	envelope = qlm_envelope_parse((const char *) data, size, charset,
								  &error_code, &error);
	if (envelope == NULL || (error_code != 0) != (error != NULL))
		abort();
	if (error_code == 0)
		print_and_parse_again(envelope);
	shim_reset();
	return 0;
}
