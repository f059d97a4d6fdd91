/*
 * parse.c
 *		The envelope parser alone, outside of a server: microseconds for each
 *		message, for bench/run.sh.
 *
 * usage: parse SECONDS FILE
 *
 * Built from the pure layers as the unit tests are (test/fuzz/pure.sh), whose
 * memory takes some more time than a backend's.
 */
#include "postgres.h"

#include <time.h>

#include "message/text/envelope_text.h"

#include "shim.h"

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	static char data[16 * 1024 * 1024];
	FILE	   *file = argc == 3 ? fopen(argv[2], "rb") : NULL;
	double		begin = now();
	double		end;
	size_t		size;
	long		n = 0;

	if (file == NULL)
	{
		fprintf(stderr, "usage: parse SECONDS FILE\n");
		return 2;
	}
	size = fread(data, 1, sizeof data, file);
	fclose(file);
	end = begin + atof(argv[1]);
	do
	{
		int			error_code;
		const char *error;

		qlm_envelope_parse(data, size, NULL, &error_code, &error);
		if (error_code != 0)
		{
			fprintf(stderr, "parse: %s\n", error);
			return 1;
		}
		shim_reset();
		n++;
	} while (now() < end);
	printf("%.2f\n", (now() - begin) / n * 1e6);
	return 0;
}
