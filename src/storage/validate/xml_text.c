/*
 * xml_text.c
 *		Refuses characters in SQL that envelopes cannot contain.
 *
 * XML cannot represent them, so such a text would be changed or could not be
 * sent.  Envelopes with these characters are refused by the parser.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "storage/validate/xml_text.h"
#include "xml/writer.h"

static void
refuse(const char *text, int at, const char *what)
{
	unsigned char c = (unsigned char) text[at];
	int			code = c < 0x20 ? c : (unsigned char) text[at + 2] == 0xBE ? 0xFFFE : 0xFFFF;

	ereport(ERROR,
			(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
			 errmsg("%s holds the character U+%04X, which messages cannot contain", what, code),
			 errdetail("It is at byte %d.", at + 1),
			 errhint("Leave such characters out, or write them in another way, for example as base64.")));
}

void
qlm_xml_text_require_len(const char *text, int len, const char *what)
{
	int			at = qlm_xml_find_impossible(text, len);

	if (at >= 0)
		refuse(text, at, what);
}

void
qlm_xml_text_require(const char *text, const char *what)
{
	qlm_xml_text_require_len(text, strlen(text), what);
}
