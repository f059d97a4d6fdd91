/*
 * setting_list.c
 *		Splits settings that are lists.
 */
#include "postgres.h"

#include "base/setting_list.h"


bool
qlm_setting_list_next(const char **list, const char **entry, int *len)
{
	const char *text = *list;
	int			n;

	if (text == NULL)
		return false;
	n = strcspn(text, ",");
	*list = text[n] == ',' ? text + n + 1 : NULL;
	while (n > 0 && isspace((unsigned char) *text))
	{
		text++;
		n--;
	}
	while (n > 0 && isspace((unsigned char) text[n - 1]))
		n--;
	*entry = text;
	*len = n;
	return true;
}

bool
qlm_setting_list_is(const char *entry, int len, const char *text)
{
	return len == (int) strlen(text) && pg_strncasecmp(entry, text, len) == 0;
}
