/*
 * fuzz_payload.c
 *		Any bytes into the readers of JSON and CSV payloads.  What was understood
 *		must be understood again when it has been printed, and then print the
 *		same.
 */
#include "postgres.h"

#include "message/csv/csv_parse.h"
#include "message/csv/csv_print.h"
#include "message/json/json_events.h"
#include "message/json/odf_json.h"

#include "shim.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

typedef struct Format
{
	QlmOdf	   *(*parse) (const char *text, Size len, int *error_code,
						  const char **error);
	void		(*print) (StringInfo buf, const QlmOdf *odf);
} Format;

static QlmOdf *
parse_json(const char *text, Size len, int *error_code, const char **error)
{
	return qlm_odf_json_parse(text, len, QLM_WRITE, error_code, error);
}

static QlmOdf *
parse_csv(const char *text, Size len, int *error_code, const char **error)
{
	return qlm_csv_parse(text, len, QLM_RESPONSE, error_code, error);
}

static QlmOdf *
parse_paths(const char *text, Size len, int *error_code, const char **error)
{
	return qlm_csv_parse(text, len, QLM_READ, error_code, error);
}

static const Format formats[] = {
	{parse_json, qlm_odf_json_print},
	{parse_csv, qlm_csv_print},
	{parse_paths, qlm_odf_json_print},
};

static void
check(const Format *format, const char *data, size_t size)
{
	int			error_code;
	const char *error;
	StringInfoData prints[2];
	QlmOdf	   *odf = format->parse(data, size, &error_code, &error);

	if ((odf == NULL) != (error_code != 0) || (odf == NULL) != (error != NULL))
		abort();
	if (odf == NULL || format->parse == parse_paths)
		return;
	for (int i = 0; i < 2; i++)
	{
		initStringInfo(&prints[i]);
		format->print(&prints[i], odf);
		odf = format->parse(prints[i].data, prints[i].len, &error_code, &error);
		if (error_code == 413)
			return;
		if (odf == NULL)
		{
			fprintf(stderr, "what was printed is not understood: %s\n%s\n",
					error, prints[i].data);
			abort();
		}
	}
	if (strcmp(prints[0].data, prints[1].data) != 0)
	{
		fprintf(stderr, "--- before\n%s\n--- after\n%s\n", prints[0].data,
				prints[1].data);
		abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	for (int i = 0; i < lengthof(formats); i++)
		check(&formats[i], (const char *) data, size);
	shim_reset();
	return 0;
}
