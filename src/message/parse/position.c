/*
 * position.c
 *		The position of an error in an envelope: path, number of the value,
 *		line and column.
 *
 * The line is not enough, as scripts write thousands of InfoItems in one line.
 */
#include "postgres.h"

#include "base/path.h"
#include "json/json_source.h"
#include "message/parse/position.h"
#include "xml/failure.h"

#define MAX_PATH_SHOWN 160		/* bytes, from its end */

int
qlm_parser_line(const QlmParser *p)
{
	if (p->reader != NULL)
		return qlm_xml_reader_line(p->reader);
	return p->json_at != NULL ? p->json_at->line : 0;
}

/* Ids that follow the error are not known yet. */
static void
append_id(StringInfo path, const char *id)
{
	qlm_path_append(path, id != NULL && id[0] != '\0' ? id : "?");
}

/*
 * Appends the path of the open elements, with the Object or InfoItem that has
 * begun.
 */
static void
append_path(StringInfo path, const QlmParser *p)
{
	for (int i = 0; i < p->nframes; i++)
	{
		const QlmFrame *frame = &p->frames[i];

		if (frame->kind == QLM_FRAME_OBJECT)
			append_id(path, frame->as.object->ids != NULL ?
					  frame->as.object->ids->text : NULL);
		else if (frame->kind == QLM_FRAME_ITEM)
			append_id(path, frame->as.item->name);
		else if (frame->kind == QLM_FRAME_META_DATA)
			append_id(path, "MetaData");
	}
}

static const char *
shown_path(const StringInfoData *path)
{
	const char *start = path->data;

	if (path->len <= MAX_PATH_SHOWN)
		return start;
	start += path->len - MAX_PATH_SHOWN;
	while (((unsigned char) *start & 0xC0) == 0x80)
		start++;
	return psprintf("...%s", start);
}

/* The column is known only where the parser currently is. */
static int
column(const QlmParser *p, int line)
{
	if (line != qlm_parser_line(p))
		return 0;
	if (p->reader != NULL)
		return qlm_xml_reader_column(p->reader);
	return p->json_at != NULL ? qlm_json_column(p->json, p->json_at) : 0;
}

const char *
qlm_parser_position(const QlmParser *p, int line)
{
	StringInfoData position;
	StringInfoData path;
	int			at = column(p, line);

	initStringInfo(&position);
	initStringInfo(&path);
	append_path(&path, p);
	if (path.len > 0 && strcmp(path.data, "?") != 0)
	{
		if (p->frames[p->nframes - 1].kind == QLM_FRAME_VALUE)
			appendStringInfo(&position, "value %d of ",
							 p->frames[p->nframes - 2].nvalues);
		appendStringInfo(&position, "%s, ", shown_path(&path));
	}
	appendStringInfo(&position, "line %d", line);
	if (at > 0)
		appendStringInfo(&position, ", column %d", at);
	return position.data;
}
