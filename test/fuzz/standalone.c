/*
 * standalone.c
 *		Runs a fuzz target over files instead of under libFuzzer.
 */
#include "postgres.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		FILE	   *file = fopen(argv[i], "rb");
		uint8	   *data;
		long		size;

		if (file == NULL)
		{
			perror(argv[i]);
			return 1;
		}
		fseek(file, 0, SEEK_END);
		size = ftell(file);
		rewind(file);

		/* Of the exact size, so that reading beyond it is noticed */
		data = malloc(Max(size, 1));
		if (fread(data, 1, size, file) != size)
			return 1;
		fclose(file);
		fprintf(stderr, "%s\n", argv[i]);
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	return 0;
}
