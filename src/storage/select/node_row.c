/*
 * node_row.c
 *		Reads rows of Objects and InfoItems.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "storage/select/node_row.h"

static char *
copy_text(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

static Jsonb *
copy_jsonb(Datum value, bool isnull)
{
	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

QlmNodeRow *
qlm_node_row(const Datum *values, const bool *nulls)
{
	QlmNodeRow *row = palloc0(sizeof(QlmNodeRow));

	row->is_item = DatumGetBool(values[0]);
	row->id = DatumGetInt32(values[1]);
	row->parent_id = nulls[2] ? 0 : DatumGetInt32(values[2]);
	row->path = copy_text(values[3], nulls[3]);
	row->name = copy_text(values[4], nulls[4]);
	row->type = copy_text(values[5], nulls[5]);
	row->description = copy_jsonb(values[6], nulls[6]);
	row->attributes = copy_jsonb(values[7], nulls[7]);
	row->names = copy_jsonb(values[8], nulls[8]);
	row->has_meta_data = DatumGetBool(values[9]);
	return row;
}

void
qlm_node_row_free(QlmNodeRow *row)
{
	pfree((char *) row->path);
	if (row->description != NULL)
		pfree(row->description);
	if (row->attributes != NULL)
		pfree(row->attributes);
	if (row->names != NULL)
		pfree(row->names);
	pfree(row);
}
