/*
 * dialect.c
 *		The table of dialects, and how the dialect of an envelope is
 *		recognised.
 *
 * Old peers compare literal strings, so an answer repeats the spelling of its
 * request.  The table only adds the rest.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "message/dialect.h"

#define QLM_ROOT "qlmEnvelope"
#define OMI_ROOT "omiEnvelope"
#define OMI_URI "http://www.opengroup.org/xsd/omi/"
#define ODF_URI "http://www.opengroup.org/xsd/odf/"

typedef struct DialectRow
{
	const char *key;
	QlmDialect	dialect;
} DialectRow;

static const DialectRow dialect_rows[] = {
	{"Q0", {QLM_ROOT, NULL, "0.2", "requestId", NULL,
	"QLMdf.xsd", "name", true, false, false}},
	{"Q1", {QLM_ROOT, "QLMmi.xsd", "1.0", "requestId", "QLMdf.xsd",
	"QLMdf.xsd", "name", true, false, false}},
	{"QP", {QLM_ROOT, "QLMmi.xsd", "1.0", "requestId", "QLMdf.xsd",
	"QLMdf.xsd", "name", false, true, false}},
	{"M0", {OMI_ROOT, NULL, "1.0", "requestId", NULL,
	"odf", "name", true, false, false}},
	{"M1a", {OMI_ROOT, "omi.xsd", "1.0", "requestID", "odf.xsd",
	"odf", "name", true, false, false}},
	{"M1b", {OMI_ROOT, OMI_URI "1.0/", "1.0", "requestID", ODF_URI "1.0/",
	"odf", "name", true, false, false}},
	{"M2", {OMI_ROOT, OMI_URI "2.0/", "2.0", "requestID", ODF_URI "2.0/",
	"odf", "altname", true, false, true}},
};

#define N_ROWS ((int) lengthof(dialect_rows))

/* The fields of a dialect, for its text form and for comparisons */
typedef struct DialectField
{
	const char *name;
	size_t		offset;
	bool		is_bool;
	bool		nullable;
	int			weight;			/* of a difference, to find the nearest dialect */
	const char *choices[2];		/* NULL: any text */
} DialectField;

static const DialectField dialect_fields[] = {
	{"root", offsetof(QlmDialect, root), false, false, 128,
	{QLM_ROOT, OMI_ROOT}},
	{"mi_namespace", offsetof(QlmDialect, mi_namespace), false, true, 64},
	{"version", offsetof(QlmDialect, version), false, false, 8},
	{"request_id", offsetof(QlmDialect, request_id), false, false, 1,
	{"requestId", "requestID"}},
	{"df_namespace", offsetof(QlmDialect, df_namespace), false, true, 4},
	{"msgformat", offsetof(QlmDialect, msgformat), false, false, 1},
	{"alt_name", offsetof(QlmDialect, alt_name), false, false, 1,
	{"name", "altname"}},
	{"msg", offsetof(QlmDialect, msg), true, false, 16},
	{"verb_attributes", offsetof(QlmDialect, verb_attributes), true, false, 2},
	{"unix_fraction", offsetof(QlmDialect, unix_fraction), true, false, 1},
	{"json", offsetof(QlmDialect, json), true, false, 0},
	{"payload", offsetof(QlmDialect, payload), false, true, 0},
};

#define N_FIELDS ((int) lengthof(dialect_fields))

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

static const char **
text_field(const QlmDialect *dialect, const DialectField *field)
{
	return (const char **) ((char *) dialect + field->offset);
}

static bool *
bool_field(const QlmDialect *dialect, const DialectField *field)
{
	return (bool *) ((char *) dialect + field->offset);
}

static bool
same_field(const QlmDialect *a, const QlmDialect *b, const DialectField *field)
{
	if (field->is_bool)
		return *bool_field(a, field) == *bool_field(b, field);
	return same_text(*text_field(a, field), *text_field(b, field));
}

static const DialectRow *
nearest_row(const QlmDialect *dialect)
{
	const DialectRow *nearest = NULL;
	int			least = 0;

	for (int i = 0; i < N_ROWS; i++)
	{
		int			distance = 0;

		for (int j = 0; j < N_FIELDS; j++)
			if (!same_field(dialect, &dialect_rows[i].dialect,
							&dialect_fields[j]))
				distance += dialect_fields[j].weight;
		if (nearest == NULL || distance < least)
		{
			nearest = &dialect_rows[i];
			least = distance;
		}
	}
	return nearest;
}

const QlmDialect *
qlm_dialect_by_key(const char *key)
{
	for (int i = 0; i < N_ROWS; i++)
		if (strcmp(dialect_rows[i].key, key) == 0)
			return &dialect_rows[i].dialect;
	return NULL;
}

const char *
qlm_dialect_key(const QlmDialect *dialect)
{
	return nearest_row(dialect)->key;
}

const QlmDialect *
qlm_dialect_default(void)
{
	return qlm_dialect_by_key("M1b");
}

bool
qlm_dialect_is_qlm(const QlmDialect *dialect)
{
	return strcmp(dialect->root, QLM_ROOT) == 0;
}

/* A payload without xmlns inherits the namespace of the envelope. */
bool
qlm_dialect_inherits(const QlmDialect *dialect)
{
	return same_text(dialect->df_namespace, dialect->mi_namespace);
}

bool
qlm_dialect_namespace_is_odf(const char *uri, int len)
{
	const int	odf_len = strlen(ODF_URI);

	if (len == 0 || (len > odf_len && memcmp(uri, ODF_URI, odf_len) == 0))
		return true;
	for (int i = 0; i < N_ROWS; i++)
	{
		const char *known = dialect_rows[i].dialect.df_namespace;

		if (known != NULL && strlen(known) == len && memcmp(known, uri, len) == 0)
			return true;
	}
	return false;
}

bool
qlm_dialect_namespace_is_known(const char *uri)
{
	if (qlm_dialect_namespace_is_odf(uri, strlen(uri)) ||
		strncmp(uri, OMI_URI, strlen(OMI_URI)) == 0)
		return true;
	for (int i = 0; i < N_ROWS; i++)
	{
		const char *known = dialect_rows[i].dialect.mi_namespace;

		if (known != NULL && strcmp(known, uri) == 0)
			return true;
	}
	return false;
}

bool
qlm_dialect_keeps_value_attributes(const QlmDialect *dialect)
{
	return dialect->df_namespace == NULL ||
		strncmp(dialect->df_namespace, ODF_URI "1", strlen(ODF_URI "1")) != 0;
}

bool
qlm_dialect_is_v2(const QlmDialect *dialect)
{
	if (dialect->df_namespace != NULL && !qlm_dialect_inherits(dialect))
		return strncmp(dialect->df_namespace, ODF_URI "2",
					   strlen(ODF_URI "2")) == 0;
	if (dialect->mi_namespace != NULL)
		return strncmp(dialect->mi_namespace, OMI_URI "2",
					   strlen(OMI_URI "2")) == 0;
	return strncmp(dialect->version, "2.", 2) == 0 ||
		strcmp(dialect->version, "2") == 0;
}

/*
 * Is it a format that names the schema of the payload, and not that of the
 * envelope?
 */
static bool
is_payload_format(const char *msgformat)
{
	return pg_strcasecmp(msgformat, "odf") == 0 ||
		pg_strcasecmp(msgformat, "odf.xsd") == 0 ||
		pg_strcasecmp(msgformat, "QLMdf") == 0 ||
		pg_strcasecmp(msgformat, "QLMdf.xsd") == 0 ||
		pg_strcasecmp(msgformat, "QLM_mf.xsd") == 0;
}

static bool
is_messaging_format(const char *msgformat)
{
	return pg_strcasecmp(msgformat, "omi") == 0 ||
		pg_strcasecmp(msgformat, "omi.xsd") == 0 ||
		pg_strcasecmp(msgformat, "QLMmi") == 0 ||
		pg_strcasecmp(msgformat, "QLMmi.xsd") == 0;
}

bool
qlm_dialect_format_is_odf(const char *msgformat)
{
	return is_payload_format(msgformat) || is_messaging_format(msgformat);
}

/* Returns the payload namespace for a messaging namespace. */
static const char *
twin_namespace(const char *mi_namespace)
{
	if (mi_namespace == NULL)
		return NULL;
	for (int i = 0; i < N_ROWS; i++)
		if (same_text(dialect_rows[i].dialect.mi_namespace, mi_namespace))
			return dialect_rows[i].dialect.df_namespace;
	if (strncmp(mi_namespace, OMI_URI, strlen(OMI_URI)) == 0)
		return psprintf("%s%s", ODF_URI, mi_namespace + strlen(OMI_URI));
	return NULL;
}

/* Returns the version of an envelope that does not name one. */
static const char *
assumed_version(const char *root, const char *mi_namespace)
{
	for (int i = 0; i < N_ROWS; i++)
	{
		const QlmDialect *row = &dialect_rows[i].dialect;

		if (strcmp(row->root, root) == 0 &&
			same_text(row->mi_namespace, mi_namespace))
			return row->version;
	}
	if (mi_namespace != NULL &&
		strncmp(mi_namespace, OMI_URI "2", strlen(OMI_URI "2")) == 0)
		return "2.0";
	return "1.0";
}

static const char *
answer_format(const QlmDialectHints *hints, bool is_qlm)
{
	if (hints->msgformat == NULL)
		return is_qlm ? "QLMdf.xsd" : "odf";
	if (is_messaging_format(hints->msgformat))
		return is_qlm ? "QLMdf" : "odf";
	return hints->msgformat;
}

void
qlm_dialect_recognize(const QlmDialectHints *hints, QlmDialect *dialect)
{
	bool		is_qlm = strcmp(hints->root, QLM_ROOT) == 0;

	dialect->root = is_qlm ? QLM_ROOT : OMI_ROOT;
	dialect->mi_namespace = hints->mi_namespace;
	dialect->version = hints->version != NULL ? hints->version :
		assumed_version(hints->root, hints->mi_namespace);
	dialect->json = hints->json;
	dialect->payload = NULL;
	if (hints->request_id != NULL)
		dialect->request_id = hints->request_id;
	else if (is_qlm || (hints->mi_namespace == NULL && !hints->json &&
						strncmp(dialect->version, "2", 1) != 0))
		dialect->request_id = "requestId";
	else
		dialect->request_id = "requestID";
	dialect->df_namespace = hints->has_payload ? hints->df_namespace :
		twin_namespace(hints->mi_namespace);
	dialect->msgformat = answer_format(hints, is_qlm);
	if (hints->has_wrapping)
		dialect->msg = hints->msg;
	else
		dialect->msg = !(is_qlm && hints->verb_attributes);
	dialect->verb_attributes = is_qlm && !dialect->msg;
	dialect->unix_fraction = qlm_dialect_is_v2(dialect);
	dialect->alt_name = dialect->unix_fraction ? "altname" : "name";
}

/* Blank and "=" are separators, so they are escaped as in URLs. */
static void
append_escaped(StringInfo buf, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (c <= ' ' || c == '%' || c == '=' || c == 0x7f)
			appendStringInfo(buf, "%%%02X", c);
		else
			appendStringInfoChar(buf, c);
	}
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int) (found - digits) : -1;
}

static char *
unescape(const char *text, int len)
{
	char	   *result = palloc(len + 1);
	char	   *out = result;

	for (int i = 0; i < len; i++)
	{
		int			high;
		int			low;

		if (text[i] != '%')
		{
			*out++ = text[i];
			continue;
		}
		high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
		low = high >= 0 ? hex_digit(text[i + 2]) : -1;
		if (low < 0 || high * 16 + low == 0)
			return NULL;
		*out++ = (char) (high * 16 + low);
		i += 2;
	}
	*out = '\0';
	return result;
}

char *
qlm_dialect_to_text(const QlmDialect *dialect)
{
	const DialectRow *row = nearest_row(dialect);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, row->key);
	for (int i = 0; i < N_FIELDS; i++)
	{
		const DialectField *field = &dialect_fields[i];

		if (same_field(dialect, &row->dialect, field))
			continue;
		appendStringInfo(&buf, " %s", field->name);
		if (field->is_bool)
			appendStringInfoString(&buf, *bool_field(dialect, field) ?
								   "=yes" : "=no");
		else if (*text_field(dialect, field) != NULL)
		{
			appendStringInfoChar(&buf, '=');
			append_escaped(&buf, *text_field(dialect, field));
		}
	}
	return buf.data;
}

/* Sets a field from "name=value"; a name alone means NULL. */
static bool
set_field(QlmDialect *dialect, const char *text, int len)
{
	const char *equals = memchr(text, '=', len);
	int			name_len = equals != NULL ? equals - text : len;
	const DialectField *field = NULL;
	char	   *value = NULL;

	for (int i = 0; i < N_FIELDS && field == NULL; i++)
		if (strlen(dialect_fields[i].name) == name_len &&
			strncmp(dialect_fields[i].name, text, name_len) == 0)
			field = &dialect_fields[i];
	if (field == NULL)
		return false;
	if (equals == NULL)
	{
		if (!field->nullable)
			return false;
		*text_field(dialect, field) = NULL;
		return true;
	}
	value = unescape(equals + 1, len - name_len - 1);
	if (value == NULL)
		return false;
	if (field->is_bool)
	{
		*bool_field(dialect, field) = strcmp(value, "yes") == 0;
		return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0;
	}
	if (field->choices[0] != NULL && strcmp(value, field->choices[0]) != 0 &&
		strcmp(value, field->choices[1]) != 0)
		return false;
	*text_field(dialect, field) = value;
	return true;
}

bool
qlm_dialect_from_text(const char *text, QlmDialect *dialect)
{
	int			len = strcspn(text, " ");
	char	   *key = pnstrdup(text, len);
	const QlmDialect *row = qlm_dialect_by_key(key);

	pfree(key);
	if (row == NULL)
		return false;
	*dialect = *row;
	for (text += len; *text == ' '; text += len)
	{
		text++;
		len = strcspn(text, " ");
		if (!set_field(dialect, text, len))
			return false;
	}
	return true;
}

QlmDialect
qlm_dialect_of(const char *text)
{
	QlmDialect	dialect;

	if (text == NULL || !qlm_dialect_from_text(text, &dialect))
		return *qlm_dialect_default();
	return dialect;
}
