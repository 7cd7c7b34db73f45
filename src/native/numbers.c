/* SPDX-License-Identifier: MIT */
/* The part of events' JSON that no two events share: their numbers and times, as text. */
#include <stddef.h>
#include <string.h>
#include <time.h>
#include "sigsnoop.h"
#include "numbers.h"

#define NS 1000000000ll

static char *put(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

#define PUT(at, text) put(at, text, sizeof(text) - 1)

/* At least so many digits. */
static char *put_number(char *at, unsigned long long number, int digits)
{
	char text[20];
	int from = sizeof(text);

	do {
		text[--from] = '0' + number % 10;
		number /= 10;
		digits--;
	} while (number || digits > 0);
	return put(at, text + from, sizeof(text) - from);
}

/* Of 0, which no event has: null. */
static char *put_id(char *at, unsigned long long id)
{
	return id ? put_number(at, id, 1) : PUT(at, "null");
}

/* The second of the last event: few events are the first of theirs. */
struct second {
	long long since_1970;
	char text[64];
	size_t length;
};

static char *put_time(char *at, long long time_ns, struct second *second)
{
	long long seconds = time_ns / NS - (time_ns % NS < 0);
	time_t time = seconds;
	struct tm parts;

	if (!second->length || second->since_1970 != seconds) {
		gmtime_r(&time, &parts);
		second->length = strftime(second->text, sizeof(second->text), "%Y-%m-%dT%H:%M:%S.",
					  &parts);
		second->since_1970 = seconds;
	}
	at = put(at, second->text, second->length);
	return put_number(at, time_ns - seconds * NS, 9);
}

size_t write_numbers(const void *slots, size_t count, long long wall_offset, char *out,
		     unsigned int *ends)
{
	struct second second = {};
	struct sigsnoop_send send;
	struct sigsnoop_end end;
	unsigned long long boot_ns;
	char *at = out;

	for (size_t i = 0; i < count; i++) {
		const char *slot = (const char *)slots + i * sizeof(send);

		memcpy(&send, slot, offsetof(struct sigsnoop_send, value));
		memcpy(&end, slot, offsetof(struct sigsnoop_end, status));
		if (send.type == SIGSNOOP_SEND) {
			boot_ns = send.boot_ns;
			at = put_number(at, send.id, 1);
			at = PUT(at, ", \"call_id\": ");
			at = put_id(at, send.call_id);
		} else {
			boot_ns = end.boot_ns;
			at = put_id(at, end.send_id);
			at = PUT(at, ", \"no_send\": null, \"parent_send_id\": null");
		}
		at = PUT(at, ", \"time\": \"");
		at = put_time(at, (long long)(boot_ns + wall_offset), &second);
		at = PUT(at, "Z\", \"boot_ns\": ");
		at = put_number(at, boot_ns, 1);
		at = PUT(at, ", ");
		ends[2 * i] = at - out;
		if (send.type != SIGSNOOP_SEND) {
			at = PUT(at, ", \"delay_ns\": ");
			at = end.send_id ? put_number(at, end.delay_ns, 1) : PUT(at, "null");
			at = PUT(at, ", ");
		}
		ends[2 * i + 1] = at - out;
	}
	return at - out;
}
