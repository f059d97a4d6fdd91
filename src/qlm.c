/*
 * qlm.c
 *		The entry of the library: registers everything, once for each process.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "process/shmem.h"
#include "process/wake.h"
#include "settings.h"
#include "storage/core/fmgr_guard.h"
#include "storage/planner/planner_hook.h"
#include "storage/replica/node_place_here.h"
#include "storage/role/role_command.h"
#include "worker/launcher/launcher.h"

QLM_MODULE_MAGIC("qlm", QLM_VERSION);

PGDLLEXPORT void _PG_init(void);

/*
 * Without preloading SQL functions work, and qlm_start() starts workers.
 * pg_upgrade loads the library, too, and needs no workers.
 */
void
_PG_init(void)
{
	qlm_settings_register();
	qlm_wake_register();
	qlm_planner_hook_register();
	qlm_fmgr_guard_register();
	qlm_role_command_register();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	qlm_node_place_note_start();
	qlm_shmem_register();
	qlm_launcher_register();
}

PG_FUNCTION_INFO_V1(qlm_sql_version);

/*
 * qlm_version() returns text: the version of the library
 */
Datum
qlm_sql_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(QLM_VERSION));
}
