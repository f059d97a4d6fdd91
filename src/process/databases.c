/*
 * databases.c
 *		The setting qlm.databases: where workers run.
 */
#include "postgres.h"

#include "utils/varlena.h"

#include "process/databases.h"

char	   *qlm_databases = NULL;

/*
 * Cuts the port after the last colon off the name.  Returns false if that is
 * not a port.
 */
static bool
split_port(QlmDatabase *database)
{
	char	   *colon = strrchr(database->name, ':');
	char	   *end;
	long		port;

	database->port = 0;
	if (colon == NULL)
		return database->name[0] != '\0';
	port = strtol(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' ||
		port < 1 || port > 65535)
		return false;
	*colon = '\0';
	database->port = (int) port;
	return database->name[0] != '\0';
}

bool
qlm_databases_parse(const char *value, List **databases, const char **bad)
{
	List	   *names;
	ListCell   *cell;

	*databases = NIL;
	*bad = value;
	if (!SplitGUCList(pstrdup(value), ',', &names))
		return false;
	foreach(cell, names)
	{
		QlmDatabase *database = palloc(sizeof(QlmDatabase));

		*bad = (const char *) lfirst(cell);
		database->name = pstrdup(*bad);
		if (!split_port(database) || strlen(database->name) >= NAMEDATALEN)
			return false;
		*databases = lappend(*databases, database);
	}
	return true;
}

List *
qlm_databases_list(void)
{
	List	   *databases;
	const char *bad;

	if (!qlm_databases_parse(qlm_databases, &databases, &bad))
		return NIL;
	return databases;
}
