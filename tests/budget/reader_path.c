/* SPDX-License-Identifier: MIT */
/*
 * The reader at work on a ring in ordinary memory: as many records as told, sends and
 * deliveries by turns, through the whole of reader_fill. Prints how many came.
 */
#include <stdio.h>
#include "reader.c"
#include "plain_ring.h"

int main(int argc, char **argv)
{
	unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0, came = 0;
	struct reader *reader = calloc(1, sizeof(*reader));
	struct sigsnoop_send *batch = malloc(1024 * sizeof(*batch));
	struct sigsnoop_send send = { .type = SIGSNOOP_SEND, .origin = SIGSNOOP_ORIGIN_KILL,
				      .outcome = SIGSNOOP_OUTCOME_PENDING,
				      .known = SIGSNOOP_KNOWN_GENERATED };
	struct sigsnoop_end end = { .type = SIGSNOOP_DELIVERY };
	/* What lies ahead is only asked for, and may lie behind the end. */
	size_t size = 1 << 22;
	unsigned char *data = malloc(size);
	long filled;

	if (!reader || !batch || !data || count * sizeof(send) > size / 2)
		return 2;
	reader->ring = (struct ring){ .consumer = &consumer, .producer = &producer,
				      .data = data, .size = size };
	reader->origins = ~0u;
	for (unsigned long i = 0; i < count; i++) {
		send.id = send.call_id = end.send_id = i / 2 * 2 + 1;
		if (i % 2)
			put(data, &end, sizeof(end));
		else
			put(data, &send, sizeof(send));
	}
	while ((filled = reader_fill(reader, batch, 1024, false)) > 0)
		came += filled;
	printf("%lu\n", came);
	return filled < 0 || consumer != producer;
}
