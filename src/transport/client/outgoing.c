/*
 * outgoing.c
 *		What the HTTP client sends and collects, apart from the library.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/limits.h"
#include "base/url.h"
#include "transport/client/outgoing.h"

char *
qlm_outgoing_form(MemoryContext context, const char *body, Size body_len,
				  Size *len)
{
	static const char digits[] = "0123456789ABCDEF";
	char	   *form;
	char	   *p;

	form = MemoryContextAllocExtended(context, body_len * 3 + sizeof("msg="),
									  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
	if (form == NULL)
		return NULL;
	memcpy(form, "msg=", 4);
	p = form + 4;
	for (Size i = 0; i < body_len; i++)
	{
		unsigned char c = body[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			(c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_')
			*p++ = c;
		else
		{
			*p++ = '%';
			*p++ = digits[c >> 4];
			*p++ = digits[c & 15];
		}
	}
	*len = p - form;
	return form;
}

/*
 * Make room for the bytes and a final NUL.  The space doubles, but not beyond
 * what may be needed at all.
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
qlm_outgoing_collect(MemoryContext context, StringInfo answer,
					 const char *data, Size len)
{
	/* The setting may have been lowered meanwhile. */
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
qlm_outgoing_copy(char *to, const char *text, Size size)
{
	qlm_url_mask(to, text, size);
	for (char *p = to; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

void
qlm_outgoing_set_error(QlmTransfer *transfer, const char *text)
{
	qlm_outgoing_copy(transfer->error, text, sizeof(transfer->error));
}
