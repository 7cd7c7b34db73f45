/* SPDX-License-Identifier: MIT */
/*
 * A ring buffer in a file in memory, laid out as the kernel's (Documentation/bpf/ringbuf.rst):
 * so a record can hold what no program of ours would write.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <stdbool.h>
#include <unistd.h>
#include <bpf/bpf.h>

#define PAGE 4096ul
#define RING (256 * 1024ul)

static int ring_file;
static unsigned char *ring_memory;

static unsigned long *consumed(void)
{
	return (void *)ring_memory;
}

static unsigned long *produced(void)
{
	return (void *)(ring_memory + PAGE);
}

static void ring_make(void)
{
	ring_file = memfd_create("ring", 0);
	EXPECT(ring_file >= 0 && !ftruncate(ring_file, 2 * PAGE + 2 * RING));
	ring_memory = mmap(NULL, 2 * PAGE + 2 * RING, PROT_READ | PROT_WRITE, MAP_SHARED,
			   ring_file, 0);
	EXPECT(ring_memory != MAP_FAILED);
}

/* The kernel maps the data twice; here it is written twice. */
static void ring_store(unsigned long at, const void *data, size_t size)
{
	const unsigned char *from = data;

	for (size_t i = 0; i < size; i++) {
		ring_memory[2 * PAGE + (at + i) % RING] = from[i];
		ring_memory[2 * PAGE + RING + (at + i) % RING] = from[i];
	}
}

#define BUSY (1u << 31)
#define DISCARDED (1u << 30)

/* With what the kernel says of it beside its size. False where there is no room. */
static bool ring_put(const void *record, unsigned int size, unsigned int flags)
{
	unsigned long at = *produced(), whole = (size + 8 + 7) & ~7ul;
	unsigned int header[2] = { size | flags, 0 };

	if (at + whole - *consumed() > RING)
		return false;
	ring_store(at, header, sizeof(header));
	ring_store(at + sizeof(header), record, size);
	*produced() = at + whole;
	return true;
}

/* In libbpf's place: how large the ring is. */
int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	EXPECT(fd == ring_file && *size >= sizeof(struct bpf_map_info));
	((struct bpf_map_info *)info)->max_entries = RING;
	return 0;
}
