/* SPDX-License-Identifier: MIT */
/*
 * Loaded before all others it has a program take memory for a ring buffer: its descriptor is
 * another that can be waited for, as the kernel's can, and which stands for that memory.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>

static int ring = -1, memory;
static unsigned int size;

void made_up_ring(int fd, int memory_fd, unsigned int bytes)
{
	ring = fd;
	memory = memory_fd;
	size = bytes;
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *info_size)
{
	((struct bpf_map_info *)info)->max_entries = size;
	return fd == ring && *info_size >= sizeof(struct bpf_map_info) ? 0 : -1;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	return (void *)syscall(SYS_mmap, address, length, protection, flags,
			       fd >= 0 && fd == ring ? memory : fd, offset);
}
