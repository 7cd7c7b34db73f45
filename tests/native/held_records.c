/* SPDX-License-Identifier: MIT */
/*
 * What the reader keeps back: for how long, and in which order it is handed out; and what it does
 * at a record that is still being written. Prints how many events came.
 */
#define _GNU_SOURCE
#include <poll.h>
#include "chance.h"
#include "ring_of_records.h"
#include "sigsnoop.h"
#include "reader.h"

#define MOST 64
/* When a send was that has waited for too long, and one that never has. */
#define LONG_AGO 1
#define NEVER (UINT64_MAX / 2)

static struct reader *reader;
static struct sigsnoop_send batch[MOST];
static unsigned long came;

static struct sigsnoop_send send_of(unsigned long long id, unsigned int hold,
				    unsigned long long boot_ns)
{
	struct sigsnoop_send send = { .type = SIGSNOOP_SEND, .id = id, .call_id = id, .hold = hold,
				      .boot_ns = boot_ns, .origin = SIGSNOOP_ORIGIN_KILL,
				      .outcome = SIGSNOOP_OUTCOME_PENDING };

	return send;
}

static void put(const void *record, unsigned int size)
{
	EXPECT(ring_put(record, size, 0));
}

/* Where the next record's header will be. */
static unsigned long put_unfinished(const void *record, unsigned int size)
{
	unsigned long at = *produced();

	EXPECT(ring_put(record, size, BUSY));
	return at;
}

static void finish(unsigned long at, unsigned int size)
{
	ring_store(at, &size, sizeof(size));
}

static long fill(bool all)
{
	long got = reader_fill(reader, batch, MOST, all);

	EXPECT(got >= 0);
	came += got;
	return got;
}

/* Whether the reader wants to look again: within so many ms. */
static bool timer_within(int ms)
{
	struct pollfd timer = { .fd = reader_timer_fd(reader), .events = POLLIN };

	return poll(&timer, 1, ms) == 1;
}

static void one_that_waits_for_the_oom_killer_in_vain_has_no_sender(void)
{
	static const struct sigsnoop_process nobody;
	struct sigsnoop_send send = send_of(1, SIGSNOOP_HOLD_OOM, LONG_AGO);

	send.origin = SIGSNOOP_ORIGIN_KERNEL;
	send.sender.host_tid = 7;
	put(&send, sizeof(send));
	EXPECT(fill(false) == 1);
	EXPECT(batch[0].origin == SIGSNOOP_ORIGIN_KERNEL);
	EXPECT(!memcmp(&batch[0].sender, &nobody, sizeof(nobody)));
}

static void ends_come_after_the_sends_that_they_belong_to(void)
{
	struct sigsnoop_send waits = send_of(11, SIGSNOOP_HOLD_GROUP, NEVER), free = send_of(13, 0, 1);
	struct sigsnoop_end end = { .type = SIGSNOOP_DELIVERY, .send_id = 11 };
	struct sigsnoop_group_end answer = { .type = SIGSNOOP_GROUP_END, .ret = -1, .call_id = 11 };
	static const unsigned long long order[] = { 13, 13, 11, 11 };

	put(&waits, sizeof(waits));
	put(&end, sizeof(end));
	put(&free, sizeof(free));
	end.send_id = 13;
	put(&end, sizeof(end));
	EXPECT(fill(false) == 2);
	for (size_t i = 0; i < 2; i++)
		EXPECT((i % 2 ? ((struct sigsnoop_end *)&batch[i])->send_id : batch[i].id) == order[i]);
	EXPECT(!fill(false));
	put(&answer, sizeof(answer));
	EXPECT(fill(false) == 2);
	for (size_t i = 0; i < 2; i++)
		EXPECT((i % 2 ? ((struct sigsnoop_end *)&batch[i])->send_id : batch[i].id) ==
		       order[2 + i]);
	EXPECT(batch[0].ret == -1 && batch[0].outcome == SIGSNOOP_OUTCOME_DELIVERED);
}

/* As if its end had come after the answer. */
static void what_continued_a_process_is_told_so_whatever_its_handler_did(void)
{
	struct sigsnoop_send send = send_of(15, SIGSNOOP_HOLD_GROUP, NEVER);
	struct sigsnoop_end end = { .type = SIGSNOOP_DELIVERY, .send_id = 15 };
	struct sigsnoop_group_end answer = { .type = SIGSNOOP_GROUP_END, .call_id = 15 };

	send.outcome = SIGSNOOP_OUTCOME_CONTINUED;
	put(&send, sizeof(send));
	put(&end, sizeof(end));
	put(&answer, sizeof(answer));
	EXPECT(fill(false) == 2);
	EXPECT(batch[0].outcome == SIGSNOOP_OUTCOME_CONTINUED);
}

/* More than a batch of them, of which some go on waiting while the others come. */
static void many_come_in_their_order_however_little_room_there_is(void)
{
	unsigned long long last = 0;
	unsigned int count = 0, waiting = 0;
	long got;

	for (unsigned int i = 0; i < 300; i++) {
		struct sigsnoop_send send = send_of(1001 + 2 * i, SIGSNOOP_HOLD_GROUP, NEVER);
		struct sigsnoop_end end = { .type = SIGSNOOP_DELIVERY, .send_id = send.id };

		send.call_id = 1 + i % 3;
		put(&send, sizeof(send));
		put(&end, sizeof(end));
		EXPECT(!fill(false));
	}
	for (unsigned int call = 1; call <= 3; call++) {
		struct sigsnoop_group_end answer = { .type = SIGSNOOP_GROUP_END, .call_id = call };

		put(&answer, sizeof(answer));
		for (last = 0; (got = reader_fill(reader, batch, 7, false)) > 0; count += got) {
			for (long i = 0; i < got; i++) {
				const struct sigsnoop_end *end = (void *)&batch[i];

				if (batch[i].type == SIGSNOOP_SEND) {
					EXPECT(batch[i].call_id == call && batch[i].id > last);
					last = batch[i].id;
					waiting++;
				} else {
					EXPECT(end->send_id <= last && waiting--);
				}
			}
		}
		EXPECT(!got && count == 200 * call);
	}
	came += count;
}

static void nothing_is_given_up_behind_a_record_that_is_being_written(void)
{
	struct sigsnoop_send waits = send_of(21, SIGSNOOP_HOLD_GROUP, LONG_AGO);
	struct sigsnoop_send oom = send_of(25, SIGSNOOP_HOLD_OOM, LONG_AGO), other = send_of(23, 0, 1);
	struct sigsnoop_group_end answer = { .type = SIGSNOOP_GROUP_END, .ret = -3, .call_id = 21 };
	struct sigsnoop_oom_victim victim = { .type = SIGSNOOP_OOM_VICTIM, .host_tid = 7 };
	unsigned long at;

	oom.origin = SIGSNOOP_ORIGIN_KERNEL;
	oom.sender.host_tid = 7;
	EXPECT(!fill(false) && !reader_stalled(reader) && !timer_within(0));
	put(&waits, sizeof(waits));
	put(&oom, sizeof(oom));
	at = put_unfinished(&other, sizeof(other));
	put(&answer, sizeof(answer));
	put(&victim, sizeof(victim));
	EXPECT(!fill(false) && reader_stalled(reader));
	EXPECT(timer_within(60000));
	/* Whoever looks again finds the timer set anew. */
	EXPECT(!fill(false) && reader_stalled(reader));
	EXPECT(timer_within(60000));
	finish(at, sizeof(other));
	EXPECT(fill(false) == 3 && !reader_stalled(reader) && !timer_within(0));
	EXPECT(batch[0].id == 23);
	EXPECT(batch[1].id == 21 && batch[1].ret == -3);
	EXPECT(batch[2].id == 25 && batch[2].origin == SIGSNOOP_ORIGIN_OOM);
}

static void at_the_end_it_is(void)
{
	struct sigsnoop_send waits = send_of(31, SIGSNOOP_HOLD_GROUP, NEVER), other = send_of(33, 0, 1);
	unsigned long at;

	put(&waits, sizeof(waits));
	at = put_unfinished(&other, sizeof(other));
	EXPECT(!fill(false) && reader_stalled(reader));
	/* Also where a send is due much later. */
	EXPECT(timer_within(60000));
	EXPECT(fill(true) == 1 && batch[0].id == 31);
	finish(at, sizeof(other));
	EXPECT(fill(true) == 1 && batch[0].id == 33);
}

/* A full batch is no end of the ring, nor a record that is being written. */
static void where_room_is_out_nothing_is_stalled(void)
{
	struct sigsnoop_send send = send_of(41, 0, 1);

	for (int i = 0; i < MOST + 1; i++, send.id += 2)
		put(&send, sizeof(send));
	EXPECT(fill(false) == MOST && !reader_stalled(reader));
	EXPECT(fill(false) == 1 && !reader_stalled(reader) && !timer_within(0));
}

int main(void)
{
	int live = memfd_create("live", 0);

	EXPECT(live >= 0 && !ftruncate(live, PAGE));
	ring_make();
	reader = reader_new(ring_file, live, ~0u);
	EXPECT(reader);
	one_that_waits_for_the_oom_killer_in_vain_has_no_sender();
	ends_come_after_the_sends_that_they_belong_to();
	what_continued_a_process_is_told_so_whatever_its_handler_did();
	many_come_in_their_order_however_little_room_there_is();
	nothing_is_given_up_behind_a_record_that_is_being_written();
	at_the_end_it_is();
	where_room_is_out_nothing_is_stalled();
	reader_free(reader);
	printf("%lu\n", came);
	return 0;
}
