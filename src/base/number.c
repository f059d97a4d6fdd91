/*
 * number.c
 *		Parses xs:double and decimals without loss.  Decimals are not converted
 *		to double and back.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"

#include "base/number.h"

/* A decimal number as written: digits * 10 ^ exponent */
typedef struct Decimal
{
	uint64		digits;			/* the first 19 significant digits */
	bool		exact;			/* no digits were left out */
	bool		negative;
	int			exponent;
} Decimal;

static void
trim(const char **text, const char **end)
{
#define IS_BLANK(c) ((c) == ' ' || (c) == '\t' || (c) == '\n' || (c) == '\r')
	while (*text < *end && IS_BLANK(**text))
		(*text)++;
	while (*text < *end && IS_BLANK((*end)[-1]))
		(*end)--;
#undef IS_BLANK
}

static bool
is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/*
 * Skips the sign of a number or an exponent, if any.  Returns true for minus.
 */
static bool
skip_sign(const char **p, const char *end)
{
	bool		negative = *p < end && **p == '-';

	if (negative || (*p < end && **p == '+'))
		(*p)++;
	return negative;
}

static void
decimal_add_digit(Decimal *decimal, char digit, bool fraction)
{
	if (decimal->digits < UINT64CONST(1000000000000000000))
	{
		decimal->digits = decimal->digits * 10 + (digit - '0');
		decimal->exponent -= fraction;
	}
	else
	{
		decimal->exact &= (digit == '0');
		decimal->exponent += !fraction;
	}
}

/* Parses the digits after the e. */
static bool
parse_exponent(const char *p, const char *end, int *exponent)
{
	bool		negative = skip_sign(&p, end);
	int			value = 0;

	if (!is_digit(p, end))
		return false;
	for (; is_digit(p, end); p++)
		value = Min(value * 10 + (*p - '0'), 1000000);
	*exponent = negative ? -value : value;
	return p == end;
}

/* -12.5, .5, 5., 1E7: the decimals of xs:double */
static bool
parse_decimal(const char *p, const char *end, Decimal *decimal)
{
	int			ndigits = 0;
	int			exponent = 0;

	memset(decimal, 0, sizeof(*decimal));
	decimal->exact = true;
	decimal->negative = skip_sign(&p, end);

	for (; is_digit(p, end); p++, ndigits++)
		decimal_add_digit(decimal, *p, false);
	if (p < end && *p == '.')
	{
		for (p++; is_digit(p, end); p++, ndigits++)
			decimal_add_digit(decimal, *p, true);
	}
	if (ndigits == 0)
		return false;
	if (p < end && (*p == 'e' || *p == 'E'))
	{
		if (!parse_exponent(p + 1, end, &exponent))
			return false;
		decimal->exponent += exponent;
		return true;
	}
	return p == end;
}

bool
qlm_decimal_parse(const char *text, int len, int scale, int64 *value)
{
	const char *end = text + len;
	Decimal		decimal;
	uint64		digits;
	int			exponent;
	bool		cut;

	trim(&text, &end);
	if (!parse_decimal(text, end, &decimal))
		return false;

	cut = !decimal.exact;
	digits = decimal.digits;
	exponent = decimal.exponent + scale;
	for (; exponent > 0 && digits > 0; exponent--)
	{
		if (digits > PG_INT64_MAX / 10)
			return false;
		digits *= 10;
	}
	for (; exponent < 0 && digits > 0; exponent++)
	{
		cut |= digits % 10 != 0;
		digits /= 10;
	}
	digits += decimal.negative && cut;
	if (digits > PG_INT64_MAX)
		return false;
	*value = decimal.negative ? -(int64) digits : (int64) digits;
	return true;
}

/* The names of the numbers that are not decimals */
static bool
parse_special(const char *text, size_t len, double *value)
{
	static const struct
	{
		const char *name;
		double		value;
	}			specials[] = {
		{"INF", INFINITY}, {"+INF", INFINITY}, {"-INF", -INFINITY}, {"NaN", NAN}
	};

	for (int i = 0; i < lengthof(specials); i++)
	{
		if (len == strlen(specials[i].name) &&
			memcmp(text, specials[i].name, len) == 0)
		{
			*value = specials[i].value;
			return true;
		}
	}
	return false;
}

bool
qlm_double_parse(const char *text, int len, double *value)
{
	/* The powers of ten that a double holds exactly */
	static const double powers[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
	};
	const char *end = text + len;
	Decimal		decimal;
	double		result;

	trim(&text, &end);
	if (!parse_decimal(text, end, &decimal))
		return parse_special(text, end - text, value);

	/* Up to 2^53 and 10^22 both are exact, and one rounding is right. */
	if (decimal.exact && decimal.digits <= (UINT64CONST(1) << 53) &&
		abs(decimal.exponent) < (int) lengthof(powers))
	{
		result = (double) decimal.digits;
		if (decimal.exponent < 0)
			result /= powers[-decimal.exponent];
		else
			result *= powers[decimal.exponent];
		*value = decimal.negative ? -result : result;
	}
	else
	{
		char	   *copy = pnstrdup(text, end - text);

		*value = strtod(copy, NULL);
		pfree(copy);
	}
	return true;
}

bool
qlm_number_parse(const char *text, int len, double *value)
{
	const char *end = text + len;

	if (qlm_double_parse(text, len, value))
		return isfinite(*value);
	trim(&text, &end);
	if (end - text == 4 && memcmp(text, "true", 4) == 0)
		*value = 1;
	else if (end - text == 5 && memcmp(text, "false", 5) == 0)
		*value = 0;
	else
		return false;
	return true;
}

void
qlm_double_append(StringInfo buf, double value)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isinf(value))
		appendStringInfoString(buf, value > 0 ? "INF" : "-INF");
	else
	{
		double_to_shortest_decimal_buf(value, text);
		appendStringInfoString(buf, text);
	}
}
