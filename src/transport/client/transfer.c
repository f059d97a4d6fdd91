/*
 * transfer.c
 *		A transfer to another node: its memory and outcome.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/limits.h"
#include "base/url.h"
#include "transport/client/transfer.h"

void
qlm_transfer_begin(QlmTransfer *transfer, MemoryContext context)
{
	MemoryContext before = MemoryContextSwitchTo(context);

	transfer->status = 0;
	transfer->error[0] = '\0';
	transfer->reach = QLM_REACH_NOTHING;
	transfer->location[0] = transfer->address[0] = transfer->through[0] = '\0';
	transfer->forbidden = false;
	initStringInfo(&transfer->answer);
	MemoryContextSwitchTo(before);
}

/*
 * Makes room for the bytes and a final NUL. The space doubles, but only up to
 * what can be needed.
 */
static bool
reserve(MemoryContext context, StringInfo buf, Size len)
{
	Size		need = buf->len + len + 1;
	Size		size;
	char	   *data;

	if (need <= (Size) buf->maxlen)
		return true;
	size = Max(need, Min((Size) buf->maxlen * 2,
						 (Size) qlm_max_message_size + 1));
	data = MemoryContextAllocExtended(context, size, MCXT_ALLOC_NO_OOM);
	if (data == NULL)
		return false;
	memcpy(data, buf->data, buf->len + 1);
	pfree(buf->data);
	buf->data = data;
	buf->maxlen = size;
	return true;
}

int64
qlm_transfer_collect(MemoryContext context, StringInfo answer,
					 const char *data, Size len)
{
	/* The setting may have been lowered in the meantime. */
	Size		room = Max(qlm_max_message_size - answer->len, 0);
	Size		taken = Min(len, room);

	if (!reserve(context, answer, taken))
		return -1;
	memcpy(answer->data + answer->len, data, taken);
	answer->len += taken;
	answer->data[answer->len] = '\0';
	return (int64) taken;
}

void
qlm_transfer_copy(char *to, const char *text, Size size)
{
	qlm_url_mask(to, text, size);
	for (char *p = to; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

void
qlm_transfer_set_error(QlmTransfer *transfer, const char *text)
{
	qlm_transfer_copy(transfer->error, text, sizeof(transfer->error));
}
