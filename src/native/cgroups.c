/* SPDX-License-Identifier: MIT */
/* A cgroup's folder from its id: the kernel takes the id as a file handle. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include "cgroups.h"

/* include/linux/exportfs.h; kernel 5.5, with ids of 64 bits. */
#define FILEID_KERNFS 0xfe

int open_cgroup(int mount_fd, uint64_t id)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} name = {};
	int fd;

	name.handle.handle_bytes = sizeof(id);
	name.handle.handle_type = FILEID_KERNFS;
	memcpy(name.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount_fd, &name.handle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
