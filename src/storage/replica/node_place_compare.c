/*
 * node_place_compare.c
 *		Compares the marker with the place of this server: is it the same node,
 *		in its place or moved, or a copy?  The table of docs/copies.md, as
 *		code.
 *
 * A node that holds without reason stops a plant.  So it goes on if the
 * situation cannot be distinguished from a restart, a failover, or a disk that
 * was mounted elsewhere.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/stat.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "storage/replica/node_place_compare.h"
#include "storage/replica/node_place_here.h"

/* Are both known and different? */
static bool
differ(const char *a, const char *b)
{
	return a[0] != '\0' && b[0] != '\0' && strcmp(a, b) != 0;
}

static bool
is_same_machine(const QlmNodePlace *a, const QlmNodePlace *b)
{
	return a->machine[0] != '\0' && strcmp(a->machine, b->machine) == 0;
}

/* If inode numbers are not stable, only names are compared. */
static bool
is_same_directory(const QlmNodePlace *a, const QlmNodePlace *b)
{
	if (a->inode == 0 || b->inode == 0)
		return strcmp(a->directory, b->directory) == 0 && !differ(a->machine, b->machine);
	return a->inode == b->inode && (a->born == b->born || a->born == 0 || b->born == 0);
}

/*
 * A snapshot has the same directory but another disk; in btrfs or ZFS it has
 * another id.
 */
static bool
is_same_volume(const QlmNodePlace *a, const QlmNodePlace *b)
{
	return !differ(a->disk, b->disk) && !differ(a->file_system, b->file_system);
}

/*
 * Was the directory created again at the same path?  Then the old one no
 * longer exists.
 */
static bool
is_in_its_place(const QlmNodePlace *a, const QlmNodePlace *b)
{
	return is_same_machine(a, b) && strcmp(a->host, b->host) == 0 &&
		strcmp(a->directory, b->directory) == 0;
}

/*
 * Was the directory copied and then removed, as by mv to another disk, without
 * recovery?  A link may lead from the old path to the new one.  A path that
 * cannot be examined may still exist; so may one on a machine that cannot be
 * told from a container.
 */
static bool
is_gone(const QlmNodePlace *a, const QlmNodePlace *b)
{
	struct stat there;
	struct stat here;

	if (!is_same_machine(a, b) || strcmp(a->host, b->host) != 0 ||
		a->timeline != b->timeline || a->directory[0] != '/')
		return false;
	if (stat(a->directory, &there) != 0)
		return errno == ENOENT;
	return stat(DataDir, &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static bool
says_the_same(const QlmNodePlace *a, const QlmNodePlace *b)
{
	return strcmp(a->name, b->name) == 0 && a->system_identifier == b->system_identifier &&
		a->timeline == b->timeline && strcmp(a->machine, b->machine) == 0 &&
		strcmp(a->host, b->host) == 0 && strcmp(a->directory, b->directory) == 0 &&
		a->inode == b->inode && a->born == b->born &&
		strcmp(a->file_system, b->file_system) == 0 && strcmp(a->disk, b->disk) == 0;
}

/* Does a server run in that directory of this machine? */
static bool
is_in_use(const char *directory)
{
	char		path[MAXPGPATH];
	FILE	   *file;
	long		pid = 0;

	snprintf(path, sizeof(path), "%s/postmaster.pid", directory);
	file = AllocateFile(path, "r");
	if (file == NULL)
		return false;
	if (fscanf(file, "%ld", &pid) != 1)
		pid = 0;
	FreeFile(file);
	return pid > 1 && pid != PostmasterPid && (kill((pid_t) pid, 0) == 0 || errno == EPERM);
}

static QlmNodePlaceVerdict
moved(char *why, const char *reason)
{
	strlcpy(why, reason, QLM_NODE_PLACE_REASON);
	return QLM_NODE_PLACE_MOVED;
}

static QlmNodePlaceVerdict
copy_of(const QlmNodePlace *marker, char *why, const char *what)
{
	snprintf(why, QLM_NODE_PLACE_REASON, "%s directory \"%.100s\" of host \"%.60s\"",
			 what, marker->directory, marker->host);
	return QLM_NODE_PLACE_COPY;
}

/* Only pg_upgrade moves tables to a server with another system identifier. */
static QlmNodePlaceVerdict
compare_upgraded(const QlmNodePlace *marker, const QlmNodePlace *here, char *why)
{
	if (differ(marker->machine, here->machine))
		return copy_of(marker, why, "this is an upgraded copy of");
	if (is_in_use(marker->directory))
		return copy_of(marker, why, "this is an upgraded copy of, and a server runs in,");
	return moved(why, "pg_upgrade has brought it here");
}

static QlmNodePlaceVerdict
compare_directories(const QlmNodePlace *marker, const QlmNodePlace *here, char *why)
{
	if (is_same_directory(marker, here))
	{
		if (!is_same_volume(marker, here))
			return copy_of(marker, why, "this is a snapshot, on another volume, of");
		return moved(why, "");
	}
	if (here->timeline > marker->timeline && qlm_node_place_was_standby())
		return moved(why, "it was a standby and was promoted");
	if (is_in_its_place(marker, here))
		return moved(why, "the directory was made anew in its place");
	if (is_gone(marker, here))
		return moved(why, "it was moved here, and is gone where it was");
	return copy_of(marker, why, "this is a copy of");
}

QlmNodePlaceVerdict
qlm_node_place_compare(const QlmNodePlace *marker, const QlmNodePlace *here, bool carried,
					   char why[QLM_NODE_PLACE_REASON])
{
	bool		is_same_system = marker->system_identifier == here->system_identifier;

	why[0] = '\0';
	if (marker->database_id != here->database_id)
		return copy_of(marker, why, "this is another database than its rows are of, which were in");
	if (says_the_same(marker, here))
		return QLM_NODE_PLACE_SAME;
	if (!carried && !(is_same_system && is_same_directory(marker, here)))
		return copy_of(marker, why, "its rows came by a restore or a replication from");
	if (here->name[0] != '\0' && strcmp(marker->name, here->name) == 0)
		return moved(why, "qlm.place says so");
	if (here->name[0] != '\0' && !(is_same_system && is_same_directory(marker, here)))
	{
		snprintf(why, QLM_NODE_PLACE_REASON, "qlm.place is \"%.80s\" here and was \"%.80s\"",
				 here->name, marker->name);
		return QLM_NODE_PLACE_COPY;
	}
	if (!is_same_system)
		return compare_upgraded(marker, here, why);
	return compare_directories(marker, here, why);
}
