/*
 * excerpt.c
 *		Quotes text of others in error messages.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/excerpt.h"


#define MAX_BYTES		80
#define MAX_BEGINNING	12

static void
append_byte(StringInfo buf, unsigned char c)
{
	if (c == '\n')
		appendStringInfoString(buf, "\\n");
	else if (c == '\r')
		appendStringInfoString(buf, "\\r");
	else if (c == '\t')
		appendStringInfoString(buf, "\\t");
	else if (c < 0x20 || c == 0x7F)
		appendStringInfo(buf, "\\x%02X", c);
	else
		appendStringInfoChar(buf, c);
}

const char *
qlm_excerpt(const char *text, int len)
{
	StringInfoData buf;
	int			cut;

	if (len < 0)
		len = strlen(text);
	cut = len;
	if (len > MAX_BYTES)
	{
		cut = MAX_BYTES;
		while (cut > 0 && ((unsigned char) text[cut] & 0xC0) == 0x80)
			cut--;
	}
	initStringInfo(&buf);
	for (int i = 0; i < cut; i++)
		append_byte(&buf, text[i]);
	if (cut < len)
		appendStringInfoString(&buf, "...");
	return buf.data;
}

const char *
qlm_excerpt_beginning(const char *bytes, Size len, char *buf)
{
	static const char hex[] = "0123456789ABCDEF";
	char	   *p = buf;
	Size		i = 0;

	while (i < len && i < MAX_BEGINNING)
	{
		unsigned char c = bytes[i];

		if (i > 0 && memchr(" \t\r\n", c, 4) != NULL)
			break;
		i++;
		if (c >= 0x20 && c < 0x7F)
			*p++ = c;
		else
		{
			*p++ = '\\';
			*p++ = 'x';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 0xF];
		}
		if (c == '=' || c == ':')
			break;
	}
	strcpy(p, i < len ? "..." : "");
	return buf;
}
