/* SPDX-License-Identifier: MIT */
/*
 * Gives the reader records by chance: whole, cut, of no type, with any value in any field.
 * Whatever comes, nothing is read or written outside of what is there, and what is handed
 * out can be taken apart, and its numbers written where there is room for them.
 *
 *   strange_records SECONDS SEED
 *
 * Prints how many records were given, how many events came, how often the reader gave up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include "chance.h"
#include "ring_of_records.h"
#include "sigsnoop.h"
#include "reader.h"
#include "numbers.h"

#define MOST 2048

static const unsigned int sizes[] = {
	[SIGSNOOP_SEND] = sizeof(struct sigsnoop_send),
	[SIGSNOOP_GROUP_END] = sizeof(struct sigsnoop_group_end),
	[SIGSNOOP_OOM_VICTIM] = sizeof(struct sigsnoop_oom_victim),
	[SIGSNOOP_DELIVERY] = sizeof(struct sigsnoop_end),
	[SIGSNOOP_DEATH] = sizeof(struct sigsnoop_end),
	[SIGSNOOP_DETAILS] = sizeof(struct sigsnoop_details) + 64,
	[SIGSNOOP_STACK] = sizeof(struct sigsnoop_stack),
};
#define TYPES (sizeof(sizes) / sizeof(*sizes))

/* Few ids, so that records meet; odd as the kernel's are, even, or none. */
static unsigned long long some_id(void)
{
	return chance(64);
}

/* Numbers that are looked up or compared, as the programs could have written them. */
static void likely(unsigned char *record, unsigned int type)
{
	struct sigsnoop_send *send = (void *)record;
	struct sigsnoop_end *end = (void *)record;

	switch (type) {
	case SIGSNOOP_SEND:
		send->id = some_id();
		send->call_id = some_id();
		send->origin = chance(32);
		send->hold = chance(4);
		send->many = chance(2);
		send->outcome = chance(9);
		send->companions = chance(4);
		send->boot_ns = chance(2) ? 0 : UINT64_MAX - chance(2000000000);
		send->sender.host_tid = chance(4);
		send->target.host_pid = chance(4);
		break;
	case SIGSNOOP_DELIVERY:
	case SIGSNOOP_DEATH:
		end->send_id = some_id();
		end->action = chance(SIGSNOOP_ACTION_EXITED + 1);
		break;
	case SIGSNOOP_GROUP_END:
		((struct sigsnoop_group_end *)record)->call_id = some_id();
		break;
	case SIGSNOOP_OOM_VICTIM:
		((struct sigsnoop_oom_victim *)record)->host_tid = chance(4);
		((struct sigsnoop_oom_victim *)record)->victim_host_pid = chance(4);
		break;
	case SIGSNOOP_DETAILS:
	case SIGSNOOP_STACK:
		((struct sigsnoop_companion *)record)->key = some_id();
		break;
	}
}

static bool give(bool broken)
{
	static unsigned char record[8192];
	unsigned int type = 1 + chance(TYPES - 1), size = sizes[type];

	EXPECT(size && size <= sizeof(record));
	for (unsigned int i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word = chance(3) ? chance(UINT64_MAX) : 0;

		memcpy(record + i, &word, sizeof(word));
	}
	memcpy(record, &type, sizeof(type));
	if (!broken || chance(2))
		likely(record, type);
	if (broken && chance(2))
		size = chance(sizeof(record));
	else if (broken && chance(2))
		record[chance(4)] ^= 1 << chance(8);
	return ring_put(record, size, chance(50) ? 0 : DISCARDED);
}

/* Exactly as much room as is asked for. */
static void write_some(const struct sigsnoop_send *batch, size_t count)
{
	char *text = malloc(count * NUMBERS_ROOM);
	unsigned int *ends = malloc(count * 2 * sizeof(*ends)), end = 0;
	size_t length;

	EXPECT(text && ends);
	length = write_numbers(batch, count, chance(UINT64_MAX), text, ends);
	for (size_t i = 0; i < count * 2; end = ends[i++])
		EXPECT(ends[i] > end || (ends[i] == end && i % 2));
	EXPECT(end == length);
	free(text);
	free(ends);
}

int main(int count, char **arguments)
{
	unsigned long given = 0, came = 0, gave_up = 0;
	struct reader *reader;
	int live = memfd_create("live", 0);
	double end;

	EXPECT(count == 3 && live >= 0 && !ftruncate(live, PAGE));
	end = seconds_now() + atof(arguments[1]);
	chance_state = strtoull(arguments[2], NULL, 10) * 2 + 1;
	ring_make();
	reader = reader_new(ring_file, live, ~0u);
	EXPECT(reader);
	do {
		size_t room = chance(8) ? 1 + chance(MOST) : 1, size;
		struct sigsnoop_send *batch = malloc(room * sizeof(*batch));
		const unsigned char *companions;
		unsigned int head[2];
		long got;

		EXPECT(batch);
		for (int i = chance(512); i && give(!chance(4096)); i--)
			given++;
		got = reader_fill(reader, batch, room, !chance(8));
		if (got < 0) {
			EXPECT(got == -EBADMSG);
			gave_up++;
			reader_free(reader);
			reader = reader_new(ring_file, live, ~0u);
			EXPECT(reader);
		}
		EXPECT(got <= (long)room);
		for (long i = 0; i < got; i++)
			EXPECT(batch[i].type == SIGSNOOP_SEND || batch[i].type == SIGSNOOP_DELIVERY ||
			       batch[i].type == SIGSNOOP_DEATH);
		companions = reader_companions(reader, &size);
		for (size_t at = 0; got >= 0 && at < size; at += sizeof(head) + head[1]) {
			EXPECT(size - at >= sizeof(head));
			memcpy(head, companions + at, sizeof(head));
			EXPECT(head[0] < got && head[1] <= size - at - sizeof(head));
			EXPECT(batch[head[0]].type == SIGSNOOP_SEND);
		}
		if (got > 0)
			write_some(batch, got);
		came += got > 0 ? got : 0;
		free(batch);
	} while (seconds_now() < end);
	reader_free(reader);
	printf("%lu %lu %lu\n", given, came, gave_up);
	return 0;
}
