/*
 * json_read.c
 *		Reads the JSON of envelopes, which may be hostile.
 *
 * PostgreSQL's own parser is for text in the encoding of the database.  It
 * raises errors for what it cannot convert or nest, and its interface changes
 * with every version.  This one decodes in place, needs no stack, and refuses
 * what XML could not contain, since a payload may be forwarded as XML.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "base/limits.h"
#include "base/number.h"
#include "json/json.h"
#include "json/json_read.h"
#include "json/json_source.h"
#include "json/json_write.h"

#define NODES_IN_BLOCK 100

/* An object or an array that is open */
typedef struct Open
{
	QlmJson    *json;
	QlmJson    *last;			/* its last member or element */
} Open;

typedef struct Reader
{
	char	   *start;
	char	   *p;
	char	   *end;
	char	   *line_start;
	int			line;
	Open	   *open;
	int			nopen;
	int			max_open;
	int64		nnodes;
	QlmJson    *spare;
	int			nspare;
	QlmJsonError *error;
} Reader;

static bool
fail(Reader *r, int code, const char *sentence)
{
	r->error->code = code;
	r->error->message = psprintf("%s (line %d, column %d)", sentence, r->line,
								 (int) (r->p - r->line_start) + 1);
	return false;
}

static bool
fail_syntax(Reader *r, const char *expected)
{
	if (r->p == r->end)
		return fail(r, 400, "The JSON ends before it is complete");
	return fail(r, 400, psprintf("The JSON is not well-formed: expected %s",
								 expected));
}

static void
skip_space(Reader *r)
{
	for (; r->p < r->end; r->p++)
	{
		if (*r->p == '\n')
		{
			r->line++;
			r->line_start = r->p + 1;
		}
		else if (*r->p != ' ' && *r->p != '\t' && *r->p != '\r')
			return;
	}
}

/* Characters that XML 1.0 cannot represent */
static bool
is_forbidden(pg_wchar c)
{
	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
		c == 0xFFFE || c == 0xFFFF;
}

/* Returns the four digits after \u, or -1. */
static int
read_hex(Reader *r)
{
	int			value = 0;

	if (r->end - r->p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			digit = qlm_hex_digit(r->p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	r->p += 4;
	return value;
}

/* Decodes what follows \u.  In UTF-8 it is never longer than the escape. */
static bool
read_unicode(Reader *r, char **out)
{
	int			c = read_hex(r);
	int			low = -1;

	if (c < 0)
		return fail(r, 400, "\\u must be followed by four hexadecimal digits");
	if (c >= 0xD800 && c <= 0xDBFF)
	{
		if (r->end - r->p >= 2 && r->p[0] == '\\' && r->p[1] == 'u')
		{
			r->p += 2;
			low = read_hex(r);
		}
		if (low < 0xDC00 || low > 0xDFFF)
			return fail(r, 400, "Half of a surrogate pair stands alone");
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	else if (c >= 0xDC00 && c <= 0xDFFF)
		return fail(r, 400, "Half of a surrogate pair stands alone");
	if (is_forbidden(c))
		return fail(r, 400, psprintf("A message cannot hold the character \\u%04X",
									 c));
	unicode_to_utf8(c, (unsigned char *) *out);
	*out += pg_utf_mblen((unsigned char *) *out);
	return true;
}

static bool
read_escape(Reader *r, char **out)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (r->p == r->end)
		return true;			/* the string is not closed */
	if (*r->p == 'u')
	{
		r->p++;
		return read_unicode(r, out);
	}
	found = *r->p != '\0' ? strchr(from, *r->p) : NULL;
	if (found == NULL)
		return fail(r, 400, "There is no such escape");
	if (is_forbidden(to[found - from]))
		return fail(r, 400, "A message cannot hold this control character");
	*(*out)++ = to[found - from];
	r->p++;
	return true;
}

/* Reads from after the opening quote to after the closing one. */
static bool
read_string(Reader *r, const char **text, int *len)
{
	char	   *start = r->p;
	char	   *out = start;

	while (r->p < r->end && *r->p != '"')
	{
		unsigned char c = (unsigned char) *r->p;

		if (c == '\\')
		{
			r->p++;
			if (!read_escape(r, &out))
				return false;
			continue;
		}
		if (c < 0x20)
			return fail(r, 400, "A string holds a control character that is not escaped");
		if (c == 0xEF && r->end - r->p >= 3 &&
			is_forbidden(utf8_to_unicode((unsigned char *) r->p)))
			return fail(r, 400, "A message cannot hold this character");
		*out++ = *r->p++;
	}
	if (r->p == r->end)
		return fail(r, 400, "A string is not closed");
	r->p++;
	*text = start;
	*len = out - start;
	*out = '\0';				/* where at least the closing quote was */
	return true;
}

static bool
read_number(Reader *r, QlmJson *json)
{
	char	   *start = r->p;
	static const char digits[] = "0123456789+-.eE";

	while (r->p < r->end && *r->p != '\0' && strchr(digits, *r->p))
		r->p++;
	json->kind = QLM_JSON_NUMBER;
	json->as.text = start;
	json->len = r->p - start;
	if (qlm_json_is_number(start, json->len))
		return true;
	r->p = start;
	return fail_syntax(r, "a value");
}

static bool
read_word(Reader *r, QlmJson *json)
{
	static const struct
	{
		const char *word;
		QlmJsonKind kind;
	}			words[] = {
		{"true", QLM_JSON_TRUE}, {"false", QLM_JSON_FALSE},
		{"null", QLM_JSON_NULL}
	};

	for (int i = 0; i < lengthof(words); i++)
	{
		int			len = strlen(words[i].word);

		if (r->end - r->p < len || memcmp(r->p, words[i].word, len) != 0)
			continue;
		json->kind = words[i].kind;
		json->as.text = r->p;
		json->len = len;
		r->p += len;
		return true;
	}
	return fail_syntax(r, "a value");
}

static bool
open_container(Reader *r, QlmJson *json)
{
	if (r->nopen == r->max_open)
		return fail(r, 413, psprintf("The JSON is nested more than %d deep",
									 r->max_open));
	json->kind = *r->p == '{' ? QLM_JSON_OBJECT : QLM_JSON_ARRAY;
	json->len = r->p - r->start;
	r->open[r->nopen].json = json;
	r->open[r->nopen].last = NULL;
	r->nopen++;
	r->p++;
	return true;
}

/* Adds a node at the end of the innermost open container. */
static QlmJson *
add_node(Reader *r, const char *name)
{
	QlmJson    *json;

	if (++r->nnodes > (int64) qlm_max_values * 8)
	{
		fail(r, 413, "The JSON has too many members");
		return NULL;
	}
	if (r->nspare == 0)
	{
		r->nspare = NODES_IN_BLOCK;
		r->spare = palloc0(r->nspare * sizeof(QlmJson));
	}
	json = r->spare++;
	r->nspare--;
	json->name = name;
	json->line = r->line;
	if (r->nopen > 0)
	{
		Open	   *around = &r->open[r->nopen - 1];

		if (around->last != NULL)
			around->last->next = json;
		else
			around->json->as.first = json;
		around->last = json;
	}
	return json;
}

static QlmJson *
read_value(Reader *r, const char *name)
{
	QlmJson    *json;
	bool		success;

	skip_space(r);
	json = add_node(r, name);
	if (json == NULL)
		return NULL;
	if (r->p == r->end)
		success = fail_syntax(r, "a value");
	else if (*r->p == '{' || *r->p == '[')
		success = open_container(r, json);
	else if (*r->p == '"')
	{
		r->p++;
		json->kind = QLM_JSON_STRING;
		success = read_string(r, &json->as.text, &json->len);
	}
	else if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))
		success = read_number(r, json);
	else
		success = read_word(r, json);
	return success ? json : NULL;
}

static bool
read_name(Reader *r, const char **name)
{
	int			len;

	skip_space(r);
	if (r->p == r->end || *r->p != '"')
		return fail_syntax(r, "the name of a member");
	r->p++;
	if (!read_string(r, name, &len))
		return false;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return fail_syntax(r, "a colon");
	r->p++;
	return true;
}

/* Reads one member or element of the open container, or its end. */
static bool
read_next(Reader *r)
{
	Open	   *around = &r->open[r->nopen - 1];
	bool		is_object = around->json->kind == QLM_JSON_OBJECT;
	const char *name = NULL;

	skip_space(r);
	if (r->p < r->end && *r->p == (is_object ? '}' : ']'))
	{
		r->p++;
		r->nopen--;
		return true;
	}
	if (around->last != NULL)
	{
		if (r->p == r->end || *r->p != ',')
			return fail_syntax(r, is_object ? "a comma or }" : "a comma or ]");
		r->p++;
	}
	if (is_object && !read_name(r, &name))
		return false;
	return read_value(r, name) != NULL;
}

QlmJson *
qlm_json_read(QlmJsonSource *source, QlmJsonError *error)
{
	Reader		reader = {0};
	StringInfoData buf;
	QlmJson    *root;

	error->code = 0;
	error->message = NULL;
	if (!qlm_json_decode(source, &buf, error))
		return NULL;
	source->decoded = reader.start = reader.p = reader.line_start = buf.data;
	reader.end = buf.data + buf.len;
	reader.line = 1;
	reader.error = error;

	/* an element is an object in an array at most */
	reader.max_open = qlm_max_depth * 2 + 2;
	reader.open = palloc(reader.max_open * sizeof(Open));
	root = read_value(&reader, NULL);
	while (root != NULL && reader.nopen > 0)
		if (!read_next(&reader))
			root = NULL;
	pfree(reader.open);
	if (root == NULL)
		return NULL;
	skip_space(&reader);
	if (reader.p < reader.end)
	{
		fail(&reader, 400, "There is something after the end of the JSON");
		return NULL;
	}
	return root;
}

bool
qlm_json_is_likely(const char *data, Size len)
{
	if (len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0)
	{
		data += 3;
		len -= 3;
	}
	while (len > 0 && (*data == ' ' || *data == '\t' || *data == '\n' ||
					   *data == '\r'))
	{
		data++;
		len--;
	}
	return len > 0 && (*data == '{' || *data == '[');
}
