/* SPDX-License-Identifier: MIT */
/* Companions: records that come before a send and say more of it, kept until it comes. */
#include <stdbool.h>
#include <stddef.h>

/* One record, and the next of the same send. */
struct companion;

/*
 * Those whose send has not come: the oldest give way. A send that is lost leaves its
 * companions behind, and nothing else does; they are many more than the threads that
 * can be between a companion and its send.
 */
#define COMPANIONS_WAITING 1024

struct companions {
	struct companion *waiting[COMPANIONS_WAITING];
	size_t next;
	/* Those of the batch: index of the send, size, the record; one after the other. */
	unsigned char *batch;
	size_t used, room;
};

/* Keeps a record until its send comes; false where there is no memory. */
bool companions_keep(struct companions *companions, const void *record, size_t size);

/* The last `count` records with a key, in their order; fewer where they gave way. */
struct companion *companions_claim(struct companions *companions, unsigned long long key,
				   unsigned int count, unsigned int *found);

/* Adds them to the batch, as those of its send number `index`; false where there is no memory. */
bool companions_hand_out(struct companions *companions, unsigned int index,
			 struct companion *claimed);

void companions_drop(struct companion *claimed);
void companions_free(struct companions *companions);
