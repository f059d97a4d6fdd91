/*
 * similar_name.c
 *		Finds the known name for which an unknown one may be a typing error.
 */
#include "postgres.h"

#include "base/similar_name.h"


#define MAX_LETTERS 32			/* of a name that is looked at */
#define MIN_SWAPPED 4			/* letters; shorter names have too few in common */
#define MIN_CHANGED 5

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/*
 * Returns the name in lower case, without the characters between words; -1 if
 * it is too long.
 */
static int
simplify(const char *name, char *letters)
{
	int			n = 0;

	for (; *name != '\0'; name++)
	{
		if (*name == '-' || *name == '_' || *name == '.')
			continue;
		if (n == MAX_LETTERS)
			return -1;
		letters[n++] = pg_ascii_tolower((unsigned char) *name);
	}
	return n;
}

/* Is the longer name the other one with one more letter? */
static bool
is_one_more(const char *longer, const char *shorter, int len)
{
	int			i = 0;

	while (i < len && longer[i] == shorter[i])
		i++;
	return is_letter(longer[i]) &&
		memcmp(longer + i + 1, shorter + i, len - i) == 0;
}

static bool
is_swapped(const char *a, const char *b, int len)
{
	int			i = 0;

	while (i < len && a[i] == b[i])
		i++;
	return i + 1 < len && a[i] == b[i + 1] && a[i + 1] == b[i] &&
		memcmp(a + i + 2, b + i + 2, len - i - 2) == 0;
}

static bool
is_slip(const char *a, int na, const char *b, int nb)
{
	if (na == nb)
		return memcmp(a, b, na) == 0 ||
			(nb >= MIN_SWAPPED && is_swapped(a, b, nb));
	if (nb < MIN_CHANGED)
		return false;
	if (na == nb + 1)
		return is_one_more(a, b, nb);
	return nb == na + 1 && is_one_more(b, a, na);
}

/* What the attributes that choose values are called elsewhere, in lower case */
static const struct
{
	const char *word;
	const char *name;
}			words[] = {
	{"from", "begin"}, {"since", "begin"}, {"start", "begin"},
	{"starttime", "begin"}, {"startdate", "begin"}, {"begintime", "begin"},
	{"begindate", "begin"}, {"fromdate", "begin"}, {"fromtime", "begin"},
	{"after", "begin"}, {"mindate", "begin"}, {"mintime", "begin"},
	{"to", "end"}, {"until", "end"}, {"till", "end"}, {"stop", "end"},
	{"endtime", "end"}, {"enddate", "end"}, {"stoptime", "end"},
	{"todate", "end"}, {"totime", "end"}, {"before", "end"},
	{"maxdate", "end"}, {"maxtime", "end"}, {"finish", "end"},
	{"last", "newest"}, {"lastn", "newest"}, {"latest", "newest"},
	{"latestn", "newest"}, {"newestn", "newest"}, {"limit", "newest"},
	{"tail", "newest"}, {"top", "newest"}, {"recent", "newest"},
	{"first", "oldest"}, {"firstn", "oldest"}, {"earliest", "oldest"},
	{"oldestn", "oldest"}, {"head", "oldest"}, {"depth", "maxlevels"},
	{"levels", "maxlevels"}, {"maxdepth", "maxlevels"}
};

static const char *
other_word(const char *letters, int len, const char *const *known)
{
	for (int i = 0; i < lengthof(words); i++)
	{
		if (strlen(words[i].word) != len || memcmp(words[i].word, letters, len) != 0)
			continue;
		for (int j = 0; known[j] != NULL; j++)
			if (strcmp(known[j], words[i].name) == 0)
				return known[j];
	}
	return NULL;
}

const char *
qlm_similar_name(const char *name, const char *const *known)
{
	char		letters[MAX_LETTERS];
	int			n = simplify(name, letters);

	for (int i = 0; known[i] != NULL; i++)
		if (strcmp(known[i], name) == 0)
			return NULL;
	for (int i = 0; n > 0 && known[i] != NULL; i++)
	{
		char		other[MAX_LETTERS];
		int			nother = simplify(known[i], other);

		if (is_slip(letters, n, other, nother))
			return known[i];
	}
	return NULL;
}

const char *
qlm_similar_name_hint(const char *name, const char *const *known)
{
	const char *meant = qlm_similar_name(name, known);
	char		letters[MAX_LETTERS];
	int			n = simplify(name, letters);

	return meant == NULL && n > 0 ? other_word(letters, n, known) : meant;
}
