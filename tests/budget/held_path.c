/* SPDX-License-Identifier: MIT */
/*
 * The reader with a signal to as many processes as told, each of which took it before the call
 * returned: all wait for its answer, which comes last. Fails where any comes before its send.
 */
#include <stdio.h>
#include "reader.c"
#include "plain_ring.h"

#define PARTS 8

int main(int argc, char **argv)
{
	unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0, came = 0;
	struct reader *reader = calloc(1, sizeof(*reader));
	struct sigsnoop_send *batch = malloc(1024 * sizeof(*batch));
	struct sigsnoop_send send = { .type = SIGSNOOP_SEND, .origin = SIGSNOOP_ORIGIN_KILL,
				      .hold = SIGSNOOP_HOLD_GROUP, .many = 1, .call_id = 1,
				      .boot_ns = UINT64_MAX / 2 };
	struct sigsnoop_end end = { .type = SIGSNOOP_DELIVERY };
	struct sigsnoop_group_end answer = { .type = SIGSNOOP_GROUP_END, .call_id = 1 };
	/* What lies ahead is only asked for, and may lie behind the end. */
	size_t size = 1 << 22;
	unsigned char *data = malloc(size);
	char *seen = calloc(count + 1, 1);
	long filled;

	if (!reader || !batch || !data || !seen || count * sizeof(send) > size / 2)
		return 2;
	reader->ring = (struct ring){ .consumer = &consumer, .producer = &producer,
				      .data = data, .size = size };
	reader->origins = ~0u;
	reader->timer = timerfd_create(CLOCK_BOOTTIME, 0);
	for (unsigned long i = 0; i < 2 * count; i++) {
		send.id = i * 2 + 1;
		end.send_id = (i - count) * 2 + 1;
		if (i < count)
			put(data, &send, sizeof(send));
		else
			put(data, &end, sizeof(end));
		/* It looks now and then, and nothing is ready. */
		if (i % (2 * count / PARTS + 1) == 0 && reader_fill(reader, batch, 1024, false))
			return 3;
	}
	put(data, &answer, sizeof(answer));
	while ((filled = reader_fill(reader, batch, 1024, false)) > 0) {
		for (long i = 0; i < filled; i++) {
			const union event *event = (void *)&batch[i];

			if (event->type == SIGSNOOP_SEND)
				seen[event->send.id / 2] = 1;
			else if (!seen[event->end.send_id / 2])
				return 4;
		}
		came += filled;
	}
	return filled < 0 || consumer != producer || came != 2 * count;
}
