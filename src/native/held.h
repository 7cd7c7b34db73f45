/* SPDX-License-Identifier: MIT */
/*
 * Events that are kept back: oldest first, and sends found by their id. One more, a look and one
 * less take the same time however many there are: a signal to all processes is as many.
 */
#include <stdbool.h>
#include <stddef.h>

/* What a batch holds, by its type: a send, or a delivery or death, which are smaller. */
union event {
	unsigned int type;
	struct sigsnoop_send send;
	struct sigsnoop_end end;
};

_Static_assert(sizeof(union event) == sizeof(struct sigsnoop_send), "a batch is of sends");

/* One of them, and what came with it. Once it was handed out its type is 0. */
struct held_event {
	union event event;
	struct companion *companions;
};

/* All 0 at first. */
struct held {
	struct held_event *events;
	/* From the first to before count lie those that are left, and gaps; there is room for size. */
	size_t first, count, size, left;
	/*
	 * Where each send is, by a hash of its id: 0 for none, else from 1. Those in use are a
	 * power of two, and twice count at the least; there is memory for twice size.
	 */
	unsigned int *places;
	size_t place_count;
};

static inline size_t held_hash(unsigned long long id)
{
	return (id >> 1) * 0x9e3779b97f4a7c15ull >> 32;
}

/* Keeps one more, with what came with it; false where there is no memory, and that is dropped. */
bool held_keep(struct held *held, const void *event, size_t size, struct companion *companions);

/* The send with this id; NULL where none is kept. */
struct sigsnoop_send *held_send(struct held *held, unsigned long long id);

/* The event at this index was handed out; it leaves a gap. */
void held_hand_out(struct held *held, size_t index);

/* Closes the gaps, now and then; what lies where is another after that. */
void held_close_gaps(struct held *held);

void held_free(struct held *held);
