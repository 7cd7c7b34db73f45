/* SPDX-License-Identifier: MIT */
/* Events that are kept back: an array with gaps, and a hash of the sends in it. */
#include <stdlib.h>
#include <string.h>
#include "sigsnoop.h"
#include "companions.h"
#include "held.h"

/* Where a send with this id is noted, or would be. */
static unsigned int *place_of(struct held *held, unsigned long long id)
{
	size_t mask = held->place_count - 1, at = held_hash(id) & mask;

	while (held->places[at] && held->events[held->places[at] - 1].event.send.id != id)
		at = (at + 1) & mask;
	return &held->places[at];
}

/* Notes where an event is, if it is a send; of several with one id the first. */
static void note(struct held *held, size_t index)
{
	const union event *event = &held->events[index].event;
	unsigned int *place;

	if (event->type != SIGSNOOP_SEND || !event->send.id)
		return;
	place = place_of(held, event->send.id);
	if (!*place)
		*place = index + 1;
}

/* Notes all anew, with places for so many. */
static void note_all(struct held *held, size_t events)
{
	held->place_count = 128;
	while (held->place_count < 2 * events)
		held->place_count *= 2;
	memset(held->places, 0, held->place_count * sizeof(*held->places));
	for (size_t i = held->first; i < held->count; i++)
		note(held, i);
}

static bool grow(struct held *held)
{
	size_t size = held->size ? held->size * 2 : 64;
	void *events = realloc(held->events, size * sizeof(*held->events));
	void *places;

	if (!events)
		return false;
	held->events = events;
	places = realloc(held->places, 2 * size * sizeof(*held->places));
	if (!places)
		return false;
	held->places = places;
	held->size = size;
	return true;
}

bool held_keep(struct held *held, const void *event, size_t size, struct companion *companions)
{
	struct held_event *kept;

	if (held->count == held->size && !grow(held)) {
		companions_drop(companions);
		return false;
	}
	if (2 * (held->count + 1) > held->place_count)
		note_all(held, held->count + 1);
	kept = &held->events[held->count++];
	memcpy(&kept->event, event, size);
	kept->companions = companions;
	held->left++;
	note(held, held->count - 1);
	return true;
}

struct sigsnoop_send *held_send(struct held *held, unsigned long long id)
{
	unsigned int place = id && held->left ? *place_of(held, id) : 0;
	struct sigsnoop_send *send = place ? &held->events[place - 1].event.send : NULL;

	return send && send->type == SIGSNOOP_SEND ? send : NULL;
}

void held_hand_out(struct held *held, size_t index)
{
	held->events[index].event.type = 0;
	held->left--;
}

/* Only once they are more than half: each time would take the square of what is kept back. */
void held_close_gaps(struct held *held)
{
	size_t kept = 0;

	while (held->first < held->count && !held->events[held->first].event.type)
		held->first++;
	if (held->count <= 2 * held->left + 64 && held->first < held->count)
		return;
	for (size_t i = held->first; i < held->count; i++)
		if (held->events[i].event.type)
			held->events[kept++] = held->events[i];
	held->first = 0;
	held->count = kept;
	if (held->places)
		note_all(held, kept);
}

void held_free(struct held *held)
{
	for (size_t i = held->first; i < held->count; i++)
		if (held->events[i].event.type)
			companions_drop(held->events[i].companions);
	free(held->events);
	free(held->places);
}
