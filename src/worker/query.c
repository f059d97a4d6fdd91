/*
 * query.c
 *		The arguments of a URL.
 */
#include "postgres.h"

#include "base/spelling.h"
#include "transport/form.h"
#include "worker/query.h"

const char *
qlm_query_value(const char *query, const char *name)
{
	Size		len = strlen(name);
	const char *p = query;

	for (;;)
	{
		Size		size = strcspn(p, "&");

		if (size > len && p[len] == '=' && memcmp(p, name, len) == 0)
		{
			char	   *value = pnstrdup(p + len + 1, size - len - 1);

			return qlm_form_decode(value) ? value : "";
		}
		if (p[size] == '\0')
			return NULL;
		p += size + 1;
	}
}

const char *
qlm_query_problem(const char *query, const char *const *known)
{
	for (const char *p = query;;)
	{
		Size		size = strcspn(p, "&");
		char	   *name = pnstrdup(p, strcspn(p, "&="));
		const char *meant = qlm_spelling_meant(name, known);

		if (meant)
			return psprintf("%s is no argument here: did you mean %s?", name,
							meant);
		pfree(name);
		if (p[size] == '\0')
			return NULL;
		p += size + 1;
	}
}
