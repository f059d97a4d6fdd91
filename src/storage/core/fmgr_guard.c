/*
 * fmgr_guard.c
 *		Functions of other owners, called in statements of the owner of the
 *		tables.
 *
 * Whoever has the rights of that owner could give any role to anybody, by way
 * of a peer.  Statements of this library may reach code of any user: a trigger
 * on one of the tables may write into another table, which has a trigger of
 * its own.  So in a statement of the owner, a function whose owner does not
 * have these rights runs with those of its own owner, as if it were SECURITY
 * DEFINER.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "storage/core/fmgr_guard.h"

#define OWNER_ROLE "qlm_owner"

typedef struct Call
{
	struct Call *outer;			/* the outer call of the same place, if it is recursive */
	bool		switched;
	Oid			user;
	int			context;
} Call;

/* For each place from which a function is called */
typedef struct Place
{
	Call	   *innermost;
	Datum		next;			/* private data of the next hook */
} Place;

static needs_fmgr_hook_type next_needs = NULL;
static fmgr_hook_type next_hook = NULL;
static Oid	guarded = InvalidOid;
static bool was_called = false;

void
qlm_fmgr_guard_set_owner(Oid owner)
{
	guarded = owner;
}

static Oid
owner_of(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Is the current user the owner of the tables, and the function's owner not
 * allowed to have these rights?  This may be so without a statement of this
 * library, e.g. when autovacuum computes index expressions.
 */
static bool
must_switch(Oid function, Oid *owner)
{
	if (!OidIsValid(guarded) && IsTransactionState())
		guarded = get_role_oid(OWNER_ROLE, true);
	if (!OidIsValid(guarded) || GetUserId() != guarded)
		return false;
	*owner = owner_of(function);
	return OidIsValid(*owner) && !has_privs_of_role(*owner, guarded);
}

bool
qlm_fmgr_guard_was_called(void)
{
	bool		called = was_called;

	was_called = false;
	return called;
}

void
qlm_fmgr_guard_note(void)
{
	was_called = true;
}

/* Sessions need not know whether functions of others were called. */
static void
note_call(Oid function)
{
	Oid			owner;

	if (was_called || MyBackendType != B_BG_WORKER)
		return;
	owner = owner_of(function);
	was_called = OidIsValid(owner) && !superuser_arg(owner);
}

/* The server does not call this for built-in functions. */
static bool
needs_hook(Oid function)
{
	Oid			owner;

	note_call(function);
	return must_switch(function, &owner) || (next_needs && next_needs(function));
}

static void
begin_call(Place *place, const FmgrInfo *function)
{
	Call	   *call = MemoryContextAllocZero(function->fn_mcxt, sizeof(Call));
	Oid			owner;

	GetUserIdAndSecContext(&call->user, &call->context);
	call->switched = must_switch(function->fn_oid, &owner);
	call->outer = place->innermost;
	place->innermost = call;
	if (call->switched)
		SetUserIdAndSecContext(owner, call->context | SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
}

static void
end_call(Place *place)
{
	Call	   *call = place->innermost;

	if (call == NULL)
		return;
	if (call->switched)
		SetUserIdAndSecContext(call->user, call->context);
	place->innermost = call->outer;
	pfree(call);
}

static void
hook(FmgrHookEventType event, FmgrInfo *function, Datum *arg)
{
	Place	   *place = (Place *) DatumGetPointer(*arg);

	if (place == NULL)
	{
		place = MemoryContextAllocZero(function->fn_mcxt, sizeof(Place));
		*arg = PointerGetDatum(place);
	}
	if (event != FHET_START)
		end_call(place);
	if (next_hook)
		next_hook(event, function, &place->next);
	if (event == FHET_START)
		begin_call(place, function);
}

void
qlm_fmgr_guard_register(void)
{
	next_needs = needs_fmgr_hook;
	needs_fmgr_hook = needs_hook;
	next_hook = fmgr_hook;
	fmgr_hook = hook;
}
