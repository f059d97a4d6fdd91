/*
 * redact.c
 *		Removes secrets from envelopes that are kept.
 *
 * The text is read one character at a time, without its structure.  A
 * character may be written as itself, as a reference of XML, or as an escape
 * of JSON or URLs.  Each of these may be escaped again, since an envelope may
 * be in a text of another one.
 */
#include "postgres.h"

#include "base/similar_name.h"
#include "message/redact.h"

#define STARS			"***"
#define NAME_SIZE		32		/* part of a name that is kept; longer than every word */
#define END				(-1)
#define MAX_DEPTH		64		/* depth of nested escapes */

/* A name that contains one of these is that of a secret. */
static const char *const words[] = {
	"authorization", "authorisation", "token", "password", "passwd", "secret", "credential"
};

/* So is a name that is one of these, or a misspelling of the first. */
static const char *const names[] = {
	"authorization", "auth", "api-key", "api_key", "apikey", "pwd", "cookie", NULL
};

/* Words before a secret that has no name */
static const char *const schemes[] = {"bearer", "basic"};

/* One character as it is written: [start, end) */
typedef struct Character
{
	int			code;			/* END at the end; 0x80 if not ASCII */
	int			start;
	int			end;
} Character;

typedef struct Redactor
{
	const char *text;
	int			len;
	int			done;			/* end of the text that was printed */
	StringInfo	out;
} Redactor;

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
begins_with(const Redactor *r, int at, const char *word)
{
	int			len = strlen(word);

	return r->len - at >= len && pg_strncasecmp(r->text + at, word, len) == 0;
}

/* Reads exactly n hex digits; -1 if there are fewer. */
static int
read_hex(const Redactor *r, int at, int n)
{
	int			code = 0;

	if (r->len - at < n)
		return -1;
	for (int i = 0; i < n; i++)
	{
		int			value = hex_value(r->text[at + i]);

		if (value < 0)
			return -1;
		code = code * 16 + value;
	}
	return code;
}

/* Reads "&#97;", "&#x61;" or "&quot;", also with "&amp;" for "&". */
static bool
read_reference(const Redactor *r, Character *c)
{
	static const struct
	{
		const char *name;
		char		code;
	}			references[] = {{"quot;", '"'}, {"apos;", '\''}, {"lt;", '<'}, {"gt;", '>'}};
	int			at = c->start + 1;
	int			code = 0;
	bool		is_hex;

	while (begins_with(r, at, "amp;"))
		at += 4;
	for (int i = 0; i < lengthof(references); i++)
		if (begins_with(r, at, references[i].name))
		{
			c->code = references[i].code;
			c->end = at + strlen(references[i].name);
			return true;
		}
	if (at >= r->len || r->text[at++] != '#')
		return false;
	is_hex = at < r->len && (r->text[at] | 0x20) == 'x';
	at += is_hex;
	for (; at < r->len && r->text[at] != ';'; at++)
	{
		int			value = hex_value(r->text[at]);

		if (value < 0 || (value > 9 && !is_hex))
			return false;
		code = Min(code * (is_hex ? 16 : 10) + value, 0x110000);
	}
	if (at >= r->len)
		return false;
	c->code = code;
	c->end = at + 1;
	return true;
}

/* Reads "\u0061" or "\"", also with further backslashes before it. */
static bool
read_escape(const Redactor *r, Character *c)
{
	int			at = c->start;

	while (at < r->len && at - c->start < MAX_DEPTH && r->text[at] == '\\')
		at++;
	if (at >= r->len)
		return false;
	c->code = (unsigned char) r->text[at];
	c->end = at + 1;
	if (c->code == 'u')
	{
		c->code = read_hex(r, at + 1, 4);
		c->end += 4;
	}
	else if (strchr("nrtbf", c->code))
		c->code = ' ';
	return c->code >= 0 && c->code != '&' && c->code != '%';
}

/* Reads "%61", also with "%25" for "%". */
static bool
read_percent(const Redactor *r, Character *c)
{
	int			at = c->start + 1;

	while (begins_with(r, at, "25") && read_hex(r, at + 2, 2) >= 0)
		at += 2;
	c->code = read_hex(r, at, 2);
	c->end = at + 2;
	return c->code >= 0;
}

static Character
read_character(const Redactor *r, int at)
{
	Character	c = {END, at, at};
	bool		escaped = false;

	if (at >= r->len)
		return c;
	if (r->text[at] == '&')
		escaped = read_reference(r, &c);
	else if (r->text[at] == '\\')
		escaped = read_escape(r, &c);
	else if (r->text[at] == '%')
		escaped = read_percent(r, &c);
	if (!escaped)
	{
		c.code = (unsigned char) r->text[at];
		c.end = at + 1;
	}
	if (c.code > 0x7f)
		c.code = 0x80;
	return c;
}

static bool
is_blank(int code)
{
	return code == ' ' || code == '\t' || code == '\r' || code == '\n';
}

static bool
is_name(int code)
{
	return code == 0x80 || code == '_' || code == '-' || code == '.' ||
		(code > 0 && isalnum(code));
}

static bool
is_one_of(const char *name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static bool
ends_with_word(const char *tail, int len)
{
	for (int i = 0; i < lengthof(words); i++)
	{
		int			n = strlen(words[i]);

		if (len >= n && memcmp(tail + len - n, words[i], n) == 0)
			return true;
	}
	return false;
}

static bool
is_secret_name(const char *name)
{
	static const char *const meant[] = {"authorization", NULL};

	return is_one_of(name, names, lengthof(names) - 1) ||
		qlm_similar_name(name, meant) != NULL;
}

/*
 * Reads a name and returns what follows it.  Sets whether it is the name of a
 * secret or, if with_schemes, a scheme.
 */
static Character
read_name(const Redactor *r, Character c, bool with_schemes, bool *is_secret)
{
	char		tail[NAME_SIZE + 1];
	int			len = 0;
	int			total = 0;

	*is_secret = false;
	for (; is_name(c.code); c = read_character(r, c.end))
	{
		if (len == NAME_SIZE)
			memmove(tail, tail + 1, --len);
		tail[len++] = pg_tolower((unsigned char) c.code);
		total++;
		*is_secret |= ends_with_word(tail, len);
	}
	tail[len] = '\0';
	if (total == len)
		*is_secret |= is_secret_name(tail) ||
			(with_schemes && is_one_of(tail, schemes, lengthof(schemes)));
	return c;
}

/* Prints stars in place of [from, to). */
static void
mask(Redactor *r, int from, int to)
{
	if (from < r->done || to <= from)
		return;
	appendBinaryStringInfo(r->out, r->text + r->done, from - r->done);
	appendStringInfoString(r->out, STARS);
	r->done = to;
}

/*
 * Returns the end of a string: the next quote that is written in the same way.
 */
static int
end_of_string(const Redactor *r, Character quote, bool is_json)
{
	const char *spelling = r->text + quote.start;
	int			len = quote.end - quote.start;

	for (int at = quote.end; at < r->len;)
	{
		Character	c = {(unsigned char) r->text[at], at, at + 1};

		if (len > 1)
			c = read_character(r, at);
		else if (is_json && r->text[at] == '\\')
			c = (Character) {0, at, at + 2};
		if (c.code == quote.code && c.end - c.start == len &&
			memcmp(r->text + at, spelling, len) == 0)
			return at;
		at = c.end;
	}
	return r->len;
}

/* Returns what follows the bracket that closes this one. */
static int
end_of_brackets(const Redactor *r, Character c)
{
	int			depth = 0;

	for (; c.code != END; c = read_character(r, c.end))
	{
		if (c.code == '"')
		{
			c = read_character(r, end_of_string(r, c, true));
			if (c.code == END)
				break;
		}
		else if (c.code == '{' || c.code == '[')
			depth++;
		else if ((c.code == '}' || c.code == ']') && --depth == 0)
			return c.end;
	}
	return r->len;
}

/* A text without quotes ends with the line, or where its surroundings go on. */
static int
end_of_bare(const Redactor *r, Character c)
{
	while (c.code != END && c.code != '\r' && c.code != '\n' &&
		   strchr("<>\"'},]", c.code) == NULL)
		c = read_character(r, c.end);
	return c.start;
}

static int
mask_value(Redactor *r, Character c, bool is_json)
{
	int			end;

	while (is_blank(c.code))
		c = read_character(r, c.end);
	if (c.code == '"' || c.code == '\'')
	{
		end = end_of_string(r, c, is_json);
		mask(r, c.end, end);
		return Max(end, c.end);
	}
	end = c.code == '{' || c.code == '[' ? end_of_brackets(r, c) : end_of_bare(r, c);
	mask(r, c.start, end);
	return Max(end, c.start);
}

/* Masks <token kind="x">text</token>; c is what follows the name. */
static int
mask_element(Redactor *r, Character c)
{
	Character	next;
	int			after_name = c.start;
	int			from;
	int			slash = -1;

	for (; c.code != END && c.code != '>' && c.code != '<'; c = read_character(r, c.end))
		slash = c.code == '/' ? c.end : -1;
	if (c.code != '>' || slash == c.start)
		return after_name;
	from = c.end;
	for (c = read_character(r, c.end); c.code != END; c = next)
	{
		next = read_character(r, c.end);
		if (c.code == '<' && next.code == '/')
			break;
	}
	mask(r, from, c.start);
	return c.start;
}

/* Masks what follows the name of a secret. */
static int
mask_named(Redactor *r, Character c, bool is_element)
{
	if (is_element)
		return mask_element(r, c);
	while (is_blank(c.code) || c.code == '"' || c.code == '\'')
		c = read_character(r, c.end);
	if (c.code == '=' || c.code == ':')
		return mask_value(r, read_character(r, c.end), c.code == ':');
	return c.start;
}

/*
 * Masks user and password after "://": the text before an "@" within the host.
 * quote is the last quote before it, which most likely ends it, too.
 */
static void
mask_user(Redactor *r, int at, int quote)
{
	int			last = -1;

	for (Character c = read_character(r, at); c.code != END && !is_blank(c.code) &&
		 c.code != quote && strchr("/?#<", c.code) == NULL; c = read_character(r, c.end))
		if (c.code == '@')
			last = c.start;
	if (last >= 0)
		mask(r, at, last);
}

void
qlm_redact(StringInfo out, const char *text, int len, bool is_clear)
{
	Redactor	r = {text, len, 0, out};
	int			slashes = 0;	/* slashes of "://" so far */
	int			quote = END;
	bool		is_element = false;
	Character	c = read_character(&r, 0);

	while (c.code != END)
	{
		Character	next;
		bool		is_secret;

		if (is_name(c.code))
		{
			next = read_name(&r, c, !is_clear, &is_secret);
			if (is_secret && !is_clear)
			{
				mask(&r, next.start, len);
				return;
			}
			if (is_secret)
				next = read_character(&r, Max(mask_named(&r, next, is_element), r.done));
			is_element &= next.code == ':';
			slashes = 0;
		}
		else
		{
			is_element = c.code == '<' || (is_element && c.code == ':');
			slashes = c.code == ':' ? 1 : slashes > 0 && c.code == '/' ? slashes + 1 : 0;
			if (slashes == 3)
				mask_user(&r, c.end, quote);
			if (c.code == '"' || c.code == '\'')
				quote = c.code;
			next = read_character(&r, Max(c.end, r.done));
		}
		c = next;
	}
	appendBinaryStringInfo(out, text + r.done, len - r.done);
}

void
qlm_redact_literal(char *text, const char *secret)
{
	Size		len = strlen(secret);
	char	   *rest;

	while (len > 0 && (text = strstr(text, secret)) != NULL)
	{
		rest = text + len;
		memset(text, '*', Min(len, strlen(STARS)));
		text += Min(len, strlen(STARS));
		memmove(text, rest, strlen(rest) + 1);
	}
}
