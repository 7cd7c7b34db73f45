/* SPDX-License-Identifier: MIT */
/* Companions: records that come before a send and say more of it, kept until it comes. */
#include <stdlib.h>
#include <string.h>
#include "sigsnoop.h"
#include "companions.h"

struct companion {
	struct companion *next;
	size_t size;
	unsigned char record[];
};

static unsigned long long key_of(const struct companion *companion)
{
	struct sigsnoop_companion head;

	memcpy(&head, companion->record, sizeof(head));
	return head.key;
}

bool companions_keep(struct companions *companions, const void *record, size_t size)
{
	struct companion **slot = &companions->waiting[companions->next];
	struct companion *kept = malloc(sizeof(*kept) + size);

	if (!kept)
		return false;
	kept->next = NULL;
	kept->size = size;
	memcpy(kept->record, record, size);
	free(*slot);
	*slot = kept;
	companions->next = (companions->next + 1) % COMPANIONS_WAITING;
	return true;
}

struct companion *companions_claim(struct companions *companions, unsigned long long key,
				   unsigned int count, unsigned int *found)
{
	struct companion *claimed = NULL;

	*found = 0;
	/* From the newest, which those of a send that comes nearly always are. */
	for (size_t i = 1; i <= COMPANIONS_WAITING && *found < count; i++) {
		size_t at = (companions->next + COMPANIONS_WAITING - i) % COMPANIONS_WAITING;
		struct companion *companion = companions->waiting[at];

		if (!companion || key_of(companion) != key)
			continue;
		companions->waiting[at] = NULL;
		companion->next = claimed;
		claimed = companion;
		++*found;
	}
	return claimed;
}

static bool grow(struct companions *companions, size_t more)
{
	size_t room = companions->room ? companions->room : 65536;
	void *grown;

	while (room - companions->used < more)
		room *= 2;
	if (room == companions->room)
		return true;
	grown = realloc(companions->batch, room);
	if (!grown)
		return false;
	companions->batch = grown;
	companions->room = room;
	return true;
}

bool companions_hand_out(struct companions *companions, unsigned int index,
			 struct companion *claimed)
{
	bool ok = true;

	for (struct companion *at = claimed; at && ok; at = at->next) {
		unsigned int head[2] = { index, at->size };
		unsigned char *to;

		ok = grow(companions, sizeof(head) + at->size);
		if (!ok)
			break;
		to = companions->batch + companions->used;
		memcpy(to, head, sizeof(head));
		memcpy(to + sizeof(head), at->record, at->size);
		companions->used += sizeof(head) + at->size;
	}
	companions_drop(claimed);
	return ok;
}

void companions_drop(struct companion *claimed)
{
	while (claimed) {
		struct companion *next = claimed->next;

		free(claimed);
		claimed = next;
	}
}

void companions_free(struct companions *companions)
{
	for (size_t i = 0; i < COMPANIONS_WAITING; i++)
		free(companions->waiting[i]);
	free(companions->batch);
}
