/*
 * number.h
 *		xs:double, decimals and hexadecimal digits from text and back.
 */
#ifndef QLM_NUMBER_H
#define QLM_NUMBER_H

#include "lib/stringinfo.h"

/*
 * Both parsers trim white space and take a string of the given length that
 * need not end in NUL.
 */

/*
 * xs:double as XML Schema writes it ("INF", " 1.0E7 "); false if it is none.
 * NaN is one: who compares must ask.
 */
extern bool qlm_double_parse(const char *text, int len, double *value);

/*
 * What of a value's text can be summed up and compared: a finite xs:double; true
 * and false, the names that xs:boolean has for 1 and 0; false if it is neither.
 */
extern bool qlm_number_parse(const char *text, int len, double *value);

/*
 * A decimal number times 10 ^ scale, rounded down to an integer; false if it is
 * none or does not fit.
 */
extern bool qlm_decimal_parse(const char *text, int len, int scale,
							  int64 *value);

/* What a hexadecimal digit stands for, -1 where it is none */
static inline int
qlm_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Shortest text that reads back as the same number: 0, -1, 3.5, 1e+20 */
extern void qlm_double_append(StringInfo buf, double value);

#endif							/* QLM_NUMBER_H */
