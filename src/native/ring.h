/* SPDX-License-Identifier: MIT */
/*
 * The reading end of a BPF ring buffer (Documentation/bpf/ringbuf.rst): records one after
 * the other, where they lie. What was read is given back now and then, not record by
 * record: whoever sends looks at the consumer's position for each of its own.
 */
#include <stdbool.h>
#include <stddef.h>

struct ring {
	/* Shared with the kernel: how far it was read, how far written. They only grow. */
	unsigned long *consumer, *producer;
	unsigned char *data;
	size_t size;	/* of the data, a power of two; mapped twice, so that no record is cut */
	/* The reader's own: the next record, what was seen written, what was given back. */
	unsigned long at, written, given_back;
};

/* Maps a ring; false with errno where that fails. Undone by ring_unmap, in any case. */
bool ring_map(struct ring *ring, int fd);
void ring_unmap(struct ring *ring);

/* Whether nothing lies there unread, as the kernel's programs see it. */
bool ring_empty(const struct ring *ring);

/* Whether ring_next, having returned NULL, saw a record that was still being written. */
static inline bool ring_stalled(const struct ring *ring)
{
	return ring->at != ring->written;
}

/* The kernel may write where what was taken so far lies. */
void ring_give_back(struct ring *ring);

/* include/uapi/linux/bpf.h */
#define RING_HEADER 8
#define RING_BUSY (1u << 31)
#define RING_DISCARDED (1u << 30)
/* So far ahead the memory is asked for: some records, further than the processor looks by itself. */
#define RING_AHEAD 2048

/*
 * The next record, which stays where it is until the next call, or NULL: the ring is at
 * its end, or its next record is still being written.
 */
static inline const void *ring_next(struct ring *ring, size_t *size)
{
	const size_t mask = ring->size - 1;

	/* All before this one was taken. */
	if (ring->at - ring->given_back > ring->size / 8)
		ring_give_back(ring);
	for (;;) {
		unsigned char *header = ring->data + (ring->at & mask);
		unsigned int length;

		if (ring->at == ring->written) {
			ring->written = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
			if (ring->at == ring->written)
				return NULL;
		}
		length = __atomic_load_n((unsigned int *)header, __ATOMIC_ACQUIRE);
		if (length & RING_BUSY)
			return NULL;
		*size = length & ~RING_DISCARDED;
		ring->at += (*size + RING_HEADER + 7) & ~7ul;
		for (int line = 0; line < 4; line++)
			__builtin_prefetch(ring->data + ((ring->at + RING_AHEAD) & mask) +
					   64 * line);
		if (!(length & RING_DISCARDED))
			return header + RING_HEADER;
	}
}
