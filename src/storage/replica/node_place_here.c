/*
 * node_place_here.c
 *		The properties of the place where this server runs.
 *
 * The data directory is the best mark.  Its inode number and creation time
 * stay when it is renamed, when the machine boots, or when its volume is
 * mounted elsewhere.  A copy of the files cannot have them.  A copy of the
 * volume, block by block, has them: for that case there are the ids of file
 * system and disk.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* statx */
#endif
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#endif

#include "access/xlog.h"
#include "common/file_perm.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "storage/replica/node_place_here.h"

#define STANDBY_FILE	"qlm.standby"	/* in the data directory */

/*
 * File systems whose id is stable, and differs for snapshots of btrfs and ZFS
 */
#define EXT_MAGIC		0xEF53
#define BTRFS_MAGIC		0x9123683E
#define ZFS_MAGIC		0x2FC12FC1

/* File systems whose inode numbers are not stable */
#define FUSE_MAGIC		0x65735546
#define CIFS_MAGIC		0xFF534D42
#define SMB2_MAGIC		0xFE534D42
#define NINEP_MAGIC		0x01021997

char	   *qlm_node_place_name = NULL;

static bool standby = false;

/* Reads the first line of a small file, trimmed; empty if there is none. */
static void
read_line(const char *path, char *text, Size size)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t		n = fd < 0 ? 0 : read(fd, text, size - 1);
	char	   *end;

	if (fd >= 0)
		close(fd);
	text[Max(n, 0)] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	for (end = text + strlen(text); end > text && end[-1] == ' '; end--)
		end[-1] = '\0';
	/* It must be valid text in any encoding. */
	for (char *c = text; *c; c++)
		if ((unsigned char) *c < ' ' || (unsigned char) *c > '~')
			*c = '?';
}

/* A hash of the machine id, as the id itself is confidential. */
static void
find_machine(char *machine)
{
	char		id[QLM_NODE_PLACE_TEXT];

	read_line("/etc/machine-id", id, sizeof(id));
	if (strlen(id) != 32 || strspn(id, "0123456789abcdefABCDEF") != 32)
		machine[0] = '\0';
	else
		snprintf(machine, QLM_NODE_PLACE_TEXT, "%016llx", (unsigned long long)
				 hash_bytes_extended((const unsigned char *) id, 32, UINT64CONST(0x716c6d)));
}

#ifdef __linux__
/*
 * Finds the id of the disk under a device; for a partition, that of the disk
 * above it.
 */
static void
find_disk(dev_t device, char *disk)
{
	static const char *const names[] = {"dm/uuid", "wwid", "device/wwid", "serial", "device/serial"};
	static const char *const levels[] = {"", "/.."};
	char		path[MAXPGPATH];

	disk[0] = '\0';
	for (int level = 0; level < lengthof(levels) && major(device) != 0; level++)
	{
		for (int i = 0; i < lengthof(names) && disk[0] == '\0'; i++)
		{
			snprintf(path, sizeof(path), "/sys/dev/block/%u:%u%s/%s",
					 major(device), minor(device), levels[level], names[i]);
			read_line(path, disk, QLM_NODE_PLACE_TEXT);
		}
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition",
				 major(device), minor(device));
		if (disk[0] != '\0' || access(path, F_OK) != 0)
			return;
	}
}

static bool
has_lasting_inodes(const struct statfs *fs)
{
	uint32		type = (uint32) fs->f_type;

	return type != FUSE_MAGIC && type != CIFS_MAGIC && type != SMB2_MAGIC && type != NINEP_MAGIC;
}

static void
find_volume(QlmNodePlace *place, dev_t device)
{
	struct statfs fs;
	uint32		type;
	uint64		id = 0;

	if (statfs(DataDir, &fs) != 0)
		return;
	if (!has_lasting_inodes(&fs))
		place->inode = 0;
	type = (uint32) fs.f_type;
	memcpy(&id, &fs.f_fsid, Min(sizeof(id), sizeof(fs.f_fsid)));
	if (id != 0 && (type == EXT_MAGIC || type == BTRFS_MAGIC || type == ZFS_MAGIC))
		snprintf(place->file_system, QLM_NODE_PLACE_TEXT, "%016llx", (unsigned long long) id);
	find_disk(device, place->disk);
}

static int64
birth_of(const char *path)
{
#ifdef STATX_BTIME
	struct statx st;

	if (statx(AT_FDCWD, path, 0, STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME))
		return (int64) st.stx_btime.tv_sec * INT64CONST(1000000000) + st.stx_btime.tv_nsec;
#endif
	return 0;
}
#endif							/* __linux__ */

static void
find_directory(QlmNodePlace *place)
{
	struct stat st;
	char	   *path = realpath(DataDir, NULL);

	strlcpy(place->directory, path ? path : DataDir, MAXPGPATH);
	free(path);
	if (stat(DataDir, &st) != 0)
		return;
	place->inode = (uint64) st.st_ino;
#ifdef __linux__
	place->born = birth_of(DataDir);
	find_volume(place, st.st_dev);
#endif
}

/* None of it changes while the server runs, except the setting. */
const QlmNodePlace *
qlm_node_place_here(void)
{
	static QlmNodePlace here;
	static bool known = false;

	if (!known)
	{
		find_machine(here.machine);
		if (gethostname(here.host, sizeof(here.host) - 1) != 0)
			here.host[0] = '\0';
		find_directory(&here);
		here.system_identifier = GetSystemIdentifier();
		here.database_id = MyDatabaseId;
		here.timeline = GetWALInsertionTimeLine();
		known = true;
	}
	strlcpy(here.name, qlm_node_place_name ? qlm_node_place_name : "", sizeof(here.name));
	return &here;
}

/*
 * The file contains the directory, so a copy of it in another directory is
 * ignored.
 */
static void
describe_directory(char *text, Size size)
{
	QlmNodePlace place = {0};

	find_directory(&place);
	snprintf(text, size, "%llu %lld", (unsigned long long) place.inode, (long long) place.born);
}

static void
write_standby_file(const char *path)
{
	char		text[64];
	int			fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, pg_file_create_mode);

	describe_directory(text, sizeof(text));
	if (fd < 0 || write(fd, text, strlen(text)) != strlen(text) || fsync(fd) != 0)
		ereport(LOG, (errcode_for_file_access(), errmsg("qlm could not write file \"%s\": %m", path)));
	if (fd >= 0)
		close(fd);
}

void
qlm_node_place_note_start(void)
{
	char		path[MAXPGPATH];
	char		found[64];
	char		expected[64];

	snprintf(path, sizeof(path), "%s/%s", DataDir, STANDBY_SIGNAL_FILE);
	standby = access(path, F_OK) == 0;
	snprintf(path, sizeof(path), "%s/%s", DataDir, STANDBY_FILE);
	if (standby)
		write_standby_file(path);
	else if (access(path, F_OK) == 0)
	{
		read_line(path, found, sizeof(found));
		describe_directory(expected, sizeof(expected));
		standby = strcmp(found, expected) == 0;
	}
}

bool
qlm_node_place_was_standby(void)
{
	return standby;
}
