/*
 * request.h
 *		HTTP requests whose digits change: what load.c sends.
 */
#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H

#include <stddef.h>

typedef enum RequestKind
{
	REQUEST_WRITE,				/* an envelope of values */
	REQUEST_LINES,				/* the same values as lines for InfluxDB */
	REQUEST_POST,				/* a file as it is */
	REQUEST_GET
} RequestKind;

/* What a request is made of */
typedef struct RequestSpec
{
	RequestKind kind;
	int			nvalues;		/* 1, 100 or 10000 */
	long		base;			/* seconds since 1970 */
	const char *root;			/* of what is written */
	int			nroots;			/* 0: its name is as it is; else two digits follow */
	const char *file;
	const char *path;
	const char *headers;
	const char *expected;		/* to be found in a good response; NULL: none */
} RequestSpec;

/* A request as bytes, and where in it what changes stands */
typedef struct Request
{
	const RequestSpec *spec;
	char	   *bytes;
	size_t		size;
	size_t		length;
	size_t	   *stamps;
	size_t	   *numbers;
	int			nvalues;
	int			nplaces;		/* where the Object is named; 0: all are in it */
	size_t		object;			/* the first of them; lines have one length */
	size_t		item;			/* 0: every InfoItem is in it */
	size_t		root;			/* 0: it does not change */
} Request;

extern void die(const char *what) __attribute__((noreturn));
extern void *reallocate(void *old, size_t size);

extern void request_body(Request *request, const RequestSpec *spec);
extern void request_make(Request *request, const RequestSpec *spec);

/* A new time, new numbers, another Object and InfoItem */
extern void request_change(Request *request, long serial);

#endif							/* BENCH_REQUEST_H */
