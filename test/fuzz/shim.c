/*
 * shim.c
 *		As much of a backend as the pure layers (base, xml, message, and the
 *		part of transport that reads bytes) call, so that they can be tested
 *		and fuzzed without one.
 *
 * Memory is one list of blocks that shim_reset frees: no contexts.  Raising an
 * error ends the program, as the pure layers promise not to.
 */
#include "postgres.h"

#include <setjmp.h>
#include <signal.h>

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "shim.h"

typedef struct Block
{
	struct Block *next;
	struct Block *prev;
	Size		size;
	Size		padding;		/* keeps what follows aligned */
} Block;

static Block blocks = {&blocks, &blocks};

MemoryContext CurrentMemoryContext = NULL;
MemoryContext TopMemoryContext = NULL;
sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;
volatile sig_atomic_t InterruptPending = false;

static void
link_block(Block *block)
{
	block->next = blocks.next;
	block->prev = &blocks;
	block->next->prev = block;
	blocks.next = block;
}

static void
unlink_block(Block *block)
{
	block->prev->next = block->next;
	block->next->prev = block->prev;
}

void
shim_reset(void)
{
	while (blocks.next != &blocks)
		pfree(blocks.next + 1);
}

Size
shim_memory(void)
{
	Size		total = 0;

	for (Block *block = blocks.next; block != &blocks; block = block->next)
		total += block->size;
	return total;
}

void *
palloc(Size size)
{
	Block	   *block;

	if (!AllocSizeIsValid(size))
		elog(ERROR, "invalid memory alloc request size %zu", size);
	block = malloc(sizeof(Block) + size);
	if (block == NULL)
		abort();
	block->size = size;
	link_block(block);
	return block + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
palloc_extended(Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) ? palloc0(size) : palloc(size);
}

void
pfree(void *pointer)
{
	Block	   *block = (Block *) pointer - 1;

	unlink_block(block);
	free(block);
}

void *
repalloc(void *pointer, Size size)
{
	Block	   *block = (Block *) pointer - 1;
	void	   *result = palloc(size);

	memcpy(result, pointer, Min(block->size, size));
	pfree(pointer);
	return result;
}

void *
repalloc_huge(void *pointer, Size size)
{
	return repalloc(pointer, size);
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *out;

	len = strnlen(in, len);
	out = palloc(len + 1);
	memcpy(out, in, len);
	out[len] = '\0';
	return out;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return palloc0(size);
}

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return palloc_extended(size, flags);
}

char *
MemoryContextStrdup(MemoryContext context, const char *string)
{
	return pstrdup(string);
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize,
							  Size maxBlockSize)
{
	return NULL;
}

void
MemoryContextReset(MemoryContext context)
{
}

void
MemoryContextDelete(MemoryContext context)
{
}

/* Lists: grown by one, which is enough for tests */
static List *
list_grow(NodeTag type, List *list)
{
	if (list == NULL)
	{
		list = palloc0(sizeof(List));
		list->type = type;
		list->elements = palloc(sizeof(ListCell) * 4);
		list->max_length = 4;
	}
	else if (list->length == list->max_length)
	{
		list->max_length *= 2;
		list->elements = repalloc(list->elements,
								  sizeof(ListCell) * list->max_length);
	}
	list->length++;
	return list;
}

List *
lappend(List *list, void *datum)
{
	list = list_grow(T_List, list);
	llast(list) = datum;
	return list;
}

List *
lappend_int(List *list, int datum)
{
	list = list_grow(T_IntList, list);
	llast_int(list) = datum;
	return list;
}

List *
lcons(void *datum, List *list)
{
	list = list_grow(T_List, list);
	memmove(&list->elements[1], &list->elements[0],
			(list->length - 1) * sizeof(ListCell));
	linitial(list) = datum;
	return list;
}

List *
list_make1_impl(NodeTag type, ListCell cell)
{
	List	   *list = list_grow(type, NULL);

	list->elements[0] = cell;
	return list;
}

List *
list_concat(List *first, const List *second)
{
	for (int i = 0; i < list_length(second); i++)
		first = lappend(first, list_nth(second, i));
	return first;
}

List *
list_copy(const List *list)
{
	return list_concat(NIL, list);
}

void
list_free(List *list)
{
	if (list == NULL)
		return;
	pfree(list->elements);
	pfree(list);
}

void
list_free_deep(List *list)
{
	for (int i = 0; i < list_length(list); i++)
		pfree(list_nth(list, i));
	list_free(list);
}

/* Errors: printed, then the end */
bool
errstart(int elevel, const char *domain)
{
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

static int
print_error(const char *fmt, va_list args)
{
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	return 0;
}

#define DEFINE_ERROR_FIELD(name) \
int \
name(const char *fmt,...) \
{ \
	va_list		args; \
\
	va_start(args, fmt); \
	print_error(fmt, args); \
	va_end(args); \
	return 0; \
}

DEFINE_ERROR_FIELD(errmsg)
DEFINE_ERROR_FIELD(errmsg_internal)
DEFINE_ERROR_FIELD(errdetail)
DEFINE_ERROR_FIELD(errhint)

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errcode_for_socket_access(void)
{
	return 0;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	fprintf(stderr, "error raised in %s at %s:%d\n", funcname, filename, lineno);
	abort();
}

void
pg_re_throw(void)
{
	abort();
}

void
ProcessInterrupts(void)
{
}

void
check_stack_depth(void)
{
}
