/*
 * request.c
 *		Makes the requests that load.c sends: envelopes, the same values as lines
 *		for InfluxDB, files, GET.
 *
 * Bodies are made once and only digits in them change, so that the load program
 * takes as little of the machine from the server as it can.
 */
#include "request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OBJECTS			100
#define ITEMS			100
#define STAMP_LENGTH	27		/* 2024-05-01T10:00:00.000000Z */
#define MICROS_LENGTH	16		/* of a time in this century */

static unsigned int seed = 1;

void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

void *
reallocate(void *old, size_t size)
{
	void	   *new = realloc(old, size);

	if (new == NULL)
		die("memory");
	return new;
}

static void append(Request *request, const char *format,...)
__attribute__((format(printf, 2, 3)));

static void
append(Request *request, const char *format,...)
{
	va_list		args;

	if (request->size - request->length < 1024)
	{
		request->size = request->size * 2 + 4096;
		request->bytes = reallocate(request->bytes, request->size);
	}
	va_start(args, format);
	request->length += vsprintf(request->bytes + request->length, format, args);
	va_end(args);
}

/* Note where the number and the time of a value stand. */
static void
append_number(Request *request)
{
	request->numbers[request->nvalues] = request->length;
	append(request, "20.001");
}

static void
append_stamp(Request *request, int length)
{
	request->stamps[request->nvalues] = request->length;
	append(request, "%*s", length, "");
}

static void
append_item(Request *request, int item)
{
	append(request, "<InfoItem name=\"i");
	if (request->spec->nvalues == 1)
		request->item = request->length;
	append(request, "%02d\"><value dateTime=\"", item);
	append_stamp(request, STAMP_LENGTH);
	append(request, "\">");
	append_number(request);
	request->nvalues++;
	append(request, "</value></InfoItem>");
}

static void
append_envelope(Request *request, int nobjects, int nitems)
{
	append(request,
		   "<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/1.0/\""
		   " version=\"1.0\" ttl=\"0\"><write msgformat=\"odf\"><msg>"
		   "<Objects xmlns=\"http://www.opengroup.org/xsd/odf/1.0/\">"
		   "<Object><id>%s", request->spec->root);
	if (request->spec->nroots > 0)
	{
		request->root = request->length;
		append(request, "00");
	}
	append(request, "</id>");
	for (int i = 0; i < nobjects; i++)
	{
		append(request, "<Object><id>o");
		if (nobjects == 1 && request->nplaces++ == 0)
			request->object = request->length;
		append(request, "%02d</id>", i);
		for (int j = 0; j < nitems; j++)
			append_item(request, j);
		append(request, "</Object>");
	}
	append(request, "</Object></Objects></msg></write></omiEnvelope>");
}

/* Tags stand in order of their names: what InfluxDB reads fastest. */
static void
append_lines(Request *request, int nobjects, int nitems)
{
	for (int i = 0; i < nobjects; i++)
		for (int j = 0; j < nitems; j++)
		{
			append(request, "%s,item=i", request->spec->root);
			if (nitems == 1)
				request->item = request->length;
			append(request, "%02d,object=o", j);
			if (nobjects == 1 && request->nplaces++ == 0)
				request->object = request->length;
			append(request, "%02d value=", i);
			append_number(request);
			append(request, " ");
			append_stamp(request, MICROS_LENGTH);
			append(request, "\n");
			request->nvalues++;
		}
}

static void
append_file(Request *request)
{
	FILE	   *file = fopen(request->spec->file, "r");
	char		line[512];

	if (file == NULL)
		die(request->spec->file);
	while (fgets(line, sizeof line, file) != NULL)
		append(request, "%s", line);
	fclose(file);
}

void
request_body(Request *request, const RequestSpec *spec)
{
	int			nobjects = spec->nvalues > ITEMS ? OBJECTS : 1;
	int			nitems = spec->nvalues > 1 ? ITEMS : 1;

	memset(request, 0, sizeof *request);
	request->spec = spec;
	request->stamps = reallocate(NULL, (spec->nvalues + 1) * sizeof(size_t));
	request->numbers = reallocate(NULL, (spec->nvalues + 1) * sizeof(size_t));
	append(request, "%s", "");
	if (spec->kind == REQUEST_WRITE)
		append_envelope(request, nobjects, nitems);
	else if (spec->kind == REQUEST_LINES)
		append_lines(request, nobjects, nitems);
	else if (spec->kind == REQUEST_POST)
		append_file(request);
}

/* Make the body, then put the head, whose length depends on it, before it. */
void
request_make(Request *request, const RequestSpec *spec)
{
	char		head[1024];
	char	   *body;
	size_t		n;

	request_body(request, spec);
	if (spec->kind == REQUEST_GET)
		n = snprintf(head, sizeof head,
					 "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
					 spec->path, spec->headers);
	else
		n = snprintf(head, sizeof head,
					 "POST %s HTTP/1.1\r\nHost: localhost\r\n"
					 "Content-Type: text/%s\r\n%sContent-Length: %zu\r\n\r\n",
					 spec->path, spec->kind == REQUEST_LINES ? "plain" : "xml",
					 spec->headers, request->length);
	if (n >= sizeof head)
	{
		errno = E2BIG;
		die(spec->path);
	}
	body = request->bytes;
	request->bytes = reallocate(NULL, request->length + n);
	memcpy(request->bytes, head, n);
	memcpy(request->bytes + n, body, request->length);
	free(body);
	request->length += n;
	for (int i = 0; i < request->nvalues; i++)
	{
		request->stamps[i] += n;
		request->numbers[i] += n;
	}
	if (request->object > 0)
		request->object += n;
	if (request->item > 0)
		request->item += n;
	if (request->root > 0)
		request->root += n;
}

static void
put_two_digits(char *where, int n)
{
	where[0] = '0' + n / 10;
	where[1] = '0' + n % 10;
}

static int
format_stamp(const Request *request, long serial, char *stamp, size_t size)
{
	time_t		second = request->spec->base + serial / 1000000;
	struct tm	tm;

	if (request->spec->kind == REQUEST_LINES)
		return snprintf(stamp, size, "%ld%06ld", (long) second, serial % 1000000);
	gmtime_r(&second, &tm);
	return snprintf(stamp, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ",
					tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
					tm.tm_min, tm.tm_sec, serial % 1000000);
}

static void
put_object(Request *request, int object)
{
	size_t		line = request->nplaces > 1 ?
		request->stamps[1] - request->stamps[0] : 0;

	for (int i = 0; i < request->nplaces; i++)
		put_two_digits(request->bytes + request->object + i * line, object);
}

void
request_change(Request *request, long serial)
{
	char		stamp[64];
	int			length;
	int			slot = serial % (OBJECTS * ITEMS);

	if (request->nvalues == 0)
		return;
	length = format_stamp(request, serial, stamp, sizeof stamp);
	for (int i = 0; i < request->nvalues; i++)
	{
		char	   *number = request->bytes + request->numbers[i];

		memcpy(request->bytes + request->stamps[i], stamp, length);
		seed = seed * 1664525 + 1013904223;
		number[1] = '0' + (seed >> 8) % 10;
		put_two_digits(number + 3, (seed >> 16) % 100);
		number[5] = '1' + (seed >> 24) % 9;
	}
	if (request->object > 0)
		put_object(request, request->nvalues == 1 ? slot / ITEMS : serial % OBJECTS);
	if (request->item > 0)
		put_two_digits(request->bytes + request->item, slot % ITEMS);
	if (request->root > 0)
		put_two_digits(request->bytes + request->root,
					   serial % request->spec->nroots);
}
