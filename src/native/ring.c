/* SPDX-License-Identifier: MIT */
/* A BPF ring buffer in user space: two positions of a page each, then the data, twice. */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "ring.h"

static void *map(int fd, size_t size, int protection, size_t offset)
{
	void *mapped = mmap(NULL, size, protection, MAP_SHARED, fd, offset);

	return mapped == MAP_FAILED ? NULL : mapped;
}

bool ring_map(struct ring *ring, int fd)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct bpf_map_info info = {};
	uint32_t info_size = sizeof(info);

	*ring = (struct ring){};
	if (bpf_obj_get_info_by_fd(fd, &info, &info_size))
		return false;
	ring->size = info.max_entries;
	ring->consumer = map(fd, page, PROT_READ | PROT_WRITE, 0);
	ring->producer = map(fd, page + 2 * ring->size, PROT_READ, page);
	if (!ring->consumer || !ring->producer)
		return false;
	ring->data = (unsigned char *)ring->producer + page;
	ring->at = ring->written = ring->given_back = *ring->consumer;
	return true;
}

void ring_unmap(struct ring *ring)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (ring->consumer)
		munmap(ring->consumer, page);
	if (ring->producer)
		munmap(ring->producer, page + 2 * ring->size);
	ring->consumer = ring->producer = NULL;
}

bool ring_empty(const struct ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_SEQ_CST) ==
	       __atomic_load_n(ring->consumer, __ATOMIC_SEQ_CST);
}

void ring_give_back(struct ring *ring)
{
	__atomic_store_n(ring->consumer, ring->at, __ATOMIC_RELEASE);
	ring->given_back = ring->at;
}
