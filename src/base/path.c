/*
 * path.c
 *		Splits, builds and compares O-DF paths.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/limits.h"
#include "base/number.h"
#include "base/path.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Returns how many bytes an id takes in a path. */
static int
escaped_length(const char *id)
{
	int			len = 0;

	for (; *id; id++)
		len += (*id == '/' || *id == '%') ? 3 : 1;
	return len;
}

/*
 * Any byte may be escaped, so that segments of URLs can be decoded, too.  The
 * result must be valid text.
 */
static char *
decode_id(const char *text, int len, const char **error)
{
	char	   *id = palloc(len + 1);
	int			n = 0;
	bool		check_utf8 = false;

	for (int i = 0; i < len; i++)
	{
		int			high;
		int			low;

		if (text[i] != '%')
		{
			id[n++] = text[i];
			continue;
		}
		high = (i + 2 < len) ? qlm_hex_digit(text[i + 1]) : -1;
		low = (i + 2 < len) ? qlm_hex_digit(text[i + 2]) : -1;
		if (high < 0 || low < 0 || (high == 0 && low == 0))
		{
			*error = "A % in a path must be followed by two hexadecimal digits, "
				"as in %2F for / and %25 for %";
			return NULL;
		}
		check_utf8 |= (high >= 8);
		id[n++] = (char) (high << 4 | low);
		i += 2;
	}
	id[n] = '\0';
	if (check_utf8 && pg_encoding_verifymbstr(PG_UTF8, id, n) != n)
	{
		*error = "The escapes in a path do not form valid UTF-8";
		return NULL;
	}
	return id;
}

static char *
trim_id(char *id, const char **error)
{
	char	   *end;

	while (is_blank(*id))
		id++;
	end = id + strlen(id);
	while (end > id && is_blank(end[-1]))
		end--;
	*end = '\0';

	if (end == id)
		*error = "A path has an empty id";
	else if (end - id > QLM_MAX_NAME)
		*error = psprintf("An id in a path is longer than %d bytes",
						  QLM_MAX_NAME);
	return id;
}

/*
 * Returns the path without surrounding blanks and slashes, and without
 * "Objects" in front.
 */
static const char *
strip_path(const char *path, int *len)
{
	const char *end;

	while (is_blank(*path))
		path++;
	end = path + strlen(path);
	while (end > path && is_blank(end[-1]))
		end--;

	if (path < end && *path == '/')
		path++;
	if (path < end && end[-1] == '/')
		end--;
	if (end - path >= 7 && memcmp(path, "Objects", 7) == 0 &&
		(end - path == 7 || path[7] == '/'))
		path += (end - path == 7) ? 7 : 8;

	*len = end - path;
	return path;
}

int
qlm_path_split(const char *path, char ***ids, const char **error)
{
	const char *end;
	int			len;
	int			nids = 1;
	int			total = 0;

	*ids = NULL;
	*error = NULL;
	path = strip_path(path, &len);
	if (len == 0)
		return 0;

	end = path + len;
	for (const char *p = path; p < end; p++)
		nids += (*p == '/');
	*ids = palloc(nids * sizeof(char *));

	for (int i = 0; i < nids; i++)
	{
		const char *slash = memchr(path, '/', end - path);
		const char *stop = slash ? slash : end;
		char	   *id = decode_id(path, stop - path, error);

		if (id != NULL)
			id = trim_id(id, error);
		if (*error)
			return -1;
		(*ids)[i] = id;
		total += escaped_length(id) + (i > 0);
		path = stop + 1;
	}
	if (total > QLM_MAX_PATH)
	{
		*error = psprintf("A path is longer than %d bytes", QLM_MAX_PATH);
		return -1;
	}
	return nids;
}

bool
qlm_path_is_stored(const char *path)
{
	StringInfoData stored;
	const char *error;
	char	  **ids;
	int			n = qlm_path_split(psprintf("Objects/%s", path), &ids, &error);

	if (n < 0)
		return false;
	initStringInfo(&stored);
	for (int i = 0; i < n; i++)
		qlm_path_append(&stored, ids[i]);
	return strcmp(stored.data, path) == 0;
}

void
qlm_path_append(StringInfo path, const char *id)
{
	if (path->len > 0)
		appendStringInfoChar(path, '/');
	for (;;)
	{
		int			plain = strcspn(id, "/%");

		appendBinaryStringInfo(path, id, plain);
		id += plain;
		if (*id == '\0')
			break;
		appendStringInfoString(path, *id == '/' ? "%2F" : "%25");
		id++;
	}
}

bool
qlm_path_is_below(const char *path, const char *ancestor)
{
	size_t		len = strlen(ancestor);

	if (len == 0)
		return true;
	return strncmp(path, ancestor, len) == 0 &&
		(path[len] == '\0' || path[len] == '/');
}
