/*
 * sqlstate.c
 *		Maps errors of the database to return codes of the protocol: the only
 *		table of them.
 *
 * Each class has a row, and so has each state that differs from its class.
 * docs/http.md describes it, and a test compares both with all errors of the
 * server.
 */
#include "postgres.h"

#include "utils/errcodes.h"

#include "base/sqlstate.h"

typedef struct Decision
{
	int			state;			/* a class, or one state of it */
	int			code;
} Decision;

#define CLASS(a, b) MAKE_SQLSTATE(a, b, '0', '0', '0')

/* States first: they differ from the rest of their class. */
static const Decision states[] = {
	{ERRCODE_READ_ONLY_SQL_TRANSACTION, 503},
	{MAKE_SQLSTATE('2', '5', 'P', '0', '3'), 503},	/* idle in transaction */
	{MAKE_SQLSTATE('2', '5', 'P', '0', '4'), 503},	/* transaction_timeout, from 17 on */
	{ERRCODE_EXTERNAL_ROUTINE_EXCEPTION, 400},	/* but see is_of_a_function */
	{ERRCODE_INSUFFICIENT_PRIVILEGE, 403},
	{ERRCODE_PROGRAM_LIMIT_EXCEEDED, 503},	/* but see is_too_much */
	{ERRCODE_CANT_CHANGE_RUNTIME_PARAM, 500},
	{ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION, 503},
	{ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION, 503},
	{ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, 503},
	{ERRCODE_FDW_OUT_OF_MEMORY, 503},
	{ERRCODE_PLPGSQL_ERROR, 500},
};

static const Decision classes[] = {
	{CLASS('0', '0'), 400},		/* these three are no errors: a function has */
	{CLASS('0', '1'), 400},		/* raised them */
	{CLASS('0', '2'), 400},
	{CLASS('0', '3'), 500},
	{CLASS('0', '8'), 503},		/* connections of dblink, postgres_fdw */
	{CLASS('0', '9'), 400},		/* triggered action */
	{CLASS('0', 'A'), 500},
	{CLASS('0', 'B'), 500},
	{CLASS('0', 'F'), 500},
	{CLASS('0', 'L'), 500},
	{CLASS('0', 'P'), 500},
	{CLASS('0', 'Z'), 500},
	{CLASS('1', '0'), 400},		/* XQuery; XMLTABLE, from 17 on */
	{CLASS('2', '0'), 400},		/* CASE without ELSE */
	{CLASS('2', '1'), 500},
	{CLASS('2', '2'), 400},		/* data */
	{CLASS('2', '3'), 400},		/* constraints */
	{CLASS('2', '4'), 500},
	{CLASS('2', '5'), 500},
	{CLASS('2', '6'), 500},
	{CLASS('2', '7'), 500},
	{CLASS('2', '8'), 500},		/* of another server */
	{CLASS('2', 'B'), 500},
	{CLASS('2', 'D'), 500},
	{CLASS('2', 'F'), 500},
	{CLASS('3', '4'), 500},
	{CLASS('3', '8'), 500},
	{CLASS('3', '9'), 500},
	{CLASS('3', 'B'), 500},
	{CLASS('3', 'D'), 500},
	{CLASS('3', 'F'), 500},
	{CLASS('4', '0'), 503},		/* conflicts, after retries */
	{CLASS('4', '2'), 500},		/* functions and tables that are not as thought */
	{CLASS('4', '4'), 400},		/* WITH CHECK OPTION */
	{CLASS('5', '3'), 503},		/* resources */
	{CLASS('5', '4'), 413},		/* limits */
	{CLASS('5', '5'), 503},		/* locks, objects in use or not ready */
	{CLASS('5', '7'), 503},		/* cancelled, shut down */
	{CLASS('5', '8'), 503},		/* the system: input and output */
	{CLASS('7', '2'), 503},		/* a snapshot that is too old */
	{CLASS('F', '0'), 500},
	{CLASS('H', 'V'), 500},
	{CLASS('P', '0'), 400},		/* RAISE, ASSERT, STRICT */
	{CLASS('X', 'X'), 500},		/* corrupted, or a bug */
};

bool
qlm_sqlstate_is_said(const char *where)
{
	return where != NULL && strncmp(where, "pl", 2) == 0 && strncmp(where, "plan", 4) != 0;
}

/*
 * A limit that is exceeded (54000) is nearly always one of the data, like a
 * key too large for an index or an answer that is too large.  But the server
 * also reports it when it has run out of transaction ids (varsup.c,
 * multixact.c) or of room for notifications (async.c). Other servers and
 * functions use it for any reason, so it may be temporary.
 */
static bool
is_too_much(const char *where)
{
	static const char *const shortage[] = {
		"varsup.c", "multixact.c", "async.c", "connection.c", "dblink.c"
	};

	if (where == NULL || qlm_sqlstate_is_said(where))
		return false;
	for (int i = 0; i < lengthof(shortage); i++)
		if (strcmp(where, shortage[i]) == 0)
			return false;
	return true;
}

/* PL/Perl, PL/Python and PL/Tcl use this state for die, raise and error. */
static bool
is_of_a_function(int sqlstate, const char *where)
{
	return sqlstate != ERRCODE_EXTERNAL_ROUTINE_EXCEPTION || where == NULL ||
		qlm_sqlstate_is_said(where);
}

static int
find(const Decision *decisions, int n, int state)
{
	for (int i = 0; i < n; i++)
		if (decisions[i].state == state)
			return decisions[i].code;
	return 0;
}

int
qlm_sqlstate_code(int sqlstate, const char *where)
{
	int			code;

	if (sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED && is_too_much(where))
		return 413;
	code = is_of_a_function(sqlstate, where) ? find(states, lengthof(states), sqlstate) : 0;
	if (code == 0)
		code = find(classes, lengthof(classes), ERRCODE_TO_CATEGORY(sqlstate));

	/* A function has used a class of its own to say what is wrong with the data. */
	if (code == 0)
		code = qlm_sqlstate_is_said(where) ? 400 : 500;
	return code;
}

bool
qlm_sqlstate_is_shortage(int sqlstate, const char *where)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	if (qlm_sqlstate_is_said(where))
		return false;
	if (sqlstate == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		return !is_too_much(where);
	return category == ERRCODE_INSUFFICIENT_RESOURCES ||
		category == ERRCODE_SYSTEM_ERROR;
}
