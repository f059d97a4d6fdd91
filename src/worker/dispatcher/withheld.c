/*
 * withheld.c
 *		Whether this node holds back its outgoing messages.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"

#include "storage/replica/node_place.h"
#include "worker/common/worker_slot.h"
#include "worker/dispatcher/withheld.h"

QlmWithheld
qlm_withheld(void)
{
	if (RecoveryInProgress())
		return QLM_WITHHELD_NOT;
	if (qlm_node_place_holds())
		return QLM_WITHHELD_COPY;
	return qlm_outgoing ? QLM_WITHHELD_NOT : QLM_WITHHELD_OFF;
}

static void
tell(QlmWithheld held)
{
	char	   *name = get_database_name(MyDatabaseId);

	switch (held)
	{
		case QLM_WITHHELD_COPY:
			ereport(LOG,
					(errmsg("qlm holds outgoing messages of database \"%s\": %s", name, qlm_node_place_why()),
					 errdetail("Peers are not called, nothing is delivered, and nothing is handed to peers that call. Messages are answered."),
					 errhint("If the rows belong to this node: SELECT qlm_adopt(); in that database. If they belong to another node, see the page on copies first.")));
			break;
		case QLM_WITHHELD_OFF:
			ereport(LOG,
					(errmsg("qlm holds outgoing messages of database \"%s\": qlm.outgoing is off", name),
					 errdetail("Peers are not called and nothing is delivered. Messages are answered, with what is queued for the peer that calls.")));
			break;
		default:
			ereport(LOG, (errmsg("qlm no longer holds outgoing messages of database \"%s\"", name)));
	}
}

bool
qlm_withheld_look(QlmWorkerSlot *slot)
{
	static QlmWithheld told = QLM_WITHHELD_NOT;
	QlmWithheld		held;
	char		why[QLM_MAX_ERROR];

	(void) qlm_node_place_holds_now();
	qlm_node_place_note();
	held = qlm_withheld();
	if (held == QLM_WITHHELD_COPY)
		snprintf(why, sizeof(why), "held until qlm_adopt(): %s", qlm_node_place_why());
	else
		strlcpy(why, held == QLM_WITHHELD_OFF ? "held: qlm.outgoing is off" : "", sizeof(why));
	if (held != told)
		tell(held);
	if (held != QLM_WITHHELD_NOT || told != QLM_WITHHELD_NOT)
		qlm_slot_report(slot, held == QLM_WITHHELD_NOT ? QLM_WORKER_RUNNING : QLM_WORKER_HOLDING, "", why);
	told = held;
	return held != QLM_WITHHELD_NOT;
}
