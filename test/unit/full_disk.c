/*
 * full_disk.c
 *		To be preloaded into a server: while the file that QLM_FULL_DISK names
 *		exists, no file can grow, as on a file system that is full.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int
is_full(int fd, off64_t end)
{
	const char *flag = getenv("QLM_FULL_DISK");
	int			error = errno;
	struct stat64 file;
	int			full;

	full = flag != NULL && access(flag, F_OK) == 0 &&
		fstat64(fd, &file) == 0 && S_ISREG(file.st_mode) &&
		end > file.st_size;
	errno = full ? ENOSPC : error;
	return full;
}

static off64_t
length_of(const struct iovec *parts, int n)
{
	off64_t		length = 0;

	for (int i = 0; i < n; i++)
		length += parts[i].iov_len;
	return length;
}

#define PWRITE(name) \
	ssize_t name(int fd, const void *bytes, size_t n, off64_t at) \
	{ \
		static ssize_t (*real)(int, const void *, size_t, off64_t); \
		if (is_full(fd, at + (off64_t) n)) \
			return -1; \
		if (real == NULL) \
			real = dlsym(RTLD_NEXT, #name); \
		return real(fd, bytes, n, at); \
	}

#define PWRITEV(name) \
	ssize_t name(int fd, const struct iovec *parts, int n, off64_t at) \
	{ \
		static ssize_t (*real)(int, const struct iovec *, int, off64_t); \
		if (is_full(fd, at + length_of(parts, n))) \
			return -1; \
		if (real == NULL) \
			real = dlsym(RTLD_NEXT, #name); \
		return real(fd, parts, n, at); \
	}

#define FALLOCATE(name) \
	int name(int fd, off64_t at, off64_t n) \
	{ \
		static int (*real)(int, off64_t, off64_t); \
		if (is_full(fd, at + n)) \
			return ENOSPC; \
		if (real == NULL) \
			real = dlsym(RTLD_NEXT, #name); \
		return real(fd, at, n); \
	}

PWRITE(pwrite64)
PWRITEV(pwritev64)
FALLOCATE(posix_fallocate64)
#if defined(__LP64__)
PWRITE(pwrite)
PWRITEV(pwritev)
FALLOCATE(posix_fallocate)
#endif
