/* SPDX-License-Identifier: MIT */
/* Records into batches; sends that wait for their answer are kept back until it comes. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "sigsnoop.h"
#include "companions.h"
#include "held.h"
#include "reader.h"
#include "ring.h"

/*
 * The OOM killer tells its victim under a spinlock, so microseconds after the
 * signal; a group send returns when it has walked its processes. Whoever waits
 * longer waits for a record that was lost.
 */
#define OOM_WAIT_NS 20000000ull
#define GROUP_WAIT_NS 1000000000ull
/* How soon to look again whether a record that is being written is whole. */
#define STALLED_NS 1000000ull

/* A power of two, and twice the batch at the least. */
#define SLOTS 4096

struct reader {
	struct ring ring;
	/* Where the programs are told that nobody is awake. */
	struct sigsnoop_live *live;
	int timer;
	bool timed;	/* the timer is on */
	bool stalled;	/* at a record that is still being written */
	unsigned int origins;
	/* The batch: where the next event goes, and for how many there is room. */
	union event *batch, *next;
	size_t room;
	/* Where in the batch the sends are whose end is not known: by id, 0 for none, else from 1. */
	unsigned short slots[SLOTS];
	bool slots_used;
	/* A send's hold says for what, NOTHING: for room in a batch; an end waits for its send. */
	struct held held;
	struct companions companions;
	/* Ids of sends that generated nothing; the kernel's are odd. */
	unsigned long long last_id;
	struct reader_counts counts;
	int error;
};

static void keep(struct reader *reader, const void *event, size_t size,
		 struct companion *companions)
{
	if (!held_keep(&reader->held, event, size, companions))
		reader->error = ENOMEM;
}

/* Where a send with this id is noted, or would be. */
static unsigned short *slot_of(struct reader *reader, unsigned long long id)
{
	size_t at = held_hash(id);

	while (reader->slots[at % SLOTS] &&
	       reader->batch[reader->slots[at % SLOTS] - 1].send.id != id)
		at++;
	return &reader->slots[at % SLOTS];
}

/* Hands a complete send to the batch; false where there is no room. */
static bool emit_send(struct reader *reader, const struct sigsnoop_send *send,
		      struct companion *companions)
{
	if (!(reader->origins >> send->origin & 1)) {
		companions_drop(companions);
		reader->counts.filtered++;
		return true;
	}
	if (!reader->room)
		return false;
	reader->counts.events++;
	if (send->known & SIGSNOOP_KNOWN_GENERATED)
		reader->counts.signals++;
	/* A group send with recipients is counted when its answer comes. */
	if (send->origin < SIGSNOOP_FIRST_KERNEL_ORIGIN && !send->many)
		reader->counts.calls++;
	if (companions && !companions_hand_out(&reader->companions, reader->next - reader->batch,
					       companions))
		reader->error = ENOMEM;
	reader->next->send = *send;
	if (!send->id)
		reader->next->send.id = reader->next->send.call_id = reader->last_id += 2;
	if (send->outcome == SIGSNOOP_OUTCOME_PENDING) {
		*slot_of(reader, send->id) = reader->next - reader->batch + 1;
		reader->slots_used = true;
	}
	reader->next++;
	reader->room--;
	return true;
}

/* A send's outcome is what is known when it is handed out. */
static void tell_outcome(struct sigsnoop_send *send, const struct sigsnoop_end *end)
{
	static const unsigned char outcomes[] = {
		[SIGSNOOP_ACTION_HANDLER] = SIGSNOOP_OUTCOME_DELIVERED,
		[SIGSNOOP_ACTION_DEFAULT] = SIGSNOOP_OUTCOME_DELIVERED,
		[SIGSNOOP_ACTION_STOP] = SIGSNOOP_OUTCOME_STOPPED,
		[SIGSNOOP_ACTION_IGNORE] = SIGSNOOP_OUTCOME_DISCARDED,
		[SIGSNOOP_ACTION_UNKNOWN] = SIGSNOOP_OUTCOME_UNKNOWN,
		[SIGSNOOP_ACTION_KILLED] = SIGSNOOP_OUTCOME_DIED,
		[SIGSNOOP_ACTION_EXITED] = SIGSNOOP_OUTCOME_UNKNOWN,
	};

	/* That of a child says nothing of its parent, which it was sent to. */
	if (end->no_send != SIGSNOOP_NO_SEND_SENT)
		return;
	/* That was known at once, and holds whatever a handler does then. */
	if (send->outcome != SIGSNOOP_OUTCOME_CONTINUED)
		send->outcome = outcomes[end->action];
}

/* Hands out a delivery or a death; false where there is no room. */
static bool emit_end(struct reader *reader, const struct sigsnoop_end *end)
{
	unsigned short slot;

	if (!reader->room)
		return false;
	slot = end->send_id ? *slot_of(reader, end->send_id) : 0;
	if (slot)
		tell_outcome(&reader->batch[slot - 1].send, end);
	reader->counts.events++;
	if (end->type == SIGSNOOP_DELIVERY)
		reader->counts.deliveries++;
	else
		reader->counts.deaths++;
	/* Who sees the whole slot is not to see what was in this memory. */
	reader->next->end = *end;
	memset(&reader->next->end + 1, 0, sizeof(*reader->next) - sizeof(*end));
	reader->next++;
	reader->room--;
	return true;
}

static bool emit(struct reader *reader, const struct held_event *held)
{
	const union event *event = &held->event;

	return event->type == SIGSNOOP_SEND ? emit_send(reader, &event->send, held->companions)
					    : emit_end(reader, &event->end);
}

static unsigned long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static unsigned long long due(const struct sigsnoop_send *send)
{
	switch (send->hold) {
	case SIGSNOOP_HOLD_OOM:
		return send->boot_ns + OOM_WAIT_NS;
	case SIGSNOOP_HOLD_GROUP:
		return send->boot_ns + GROUP_WAIT_NS;
	default:
		return 0;
	}
}

/* Nothing that it could wait for is of any use now; it may be handed out. */
static void stop_waiting(struct sigsnoop_send *send)
{
	/* The thread is kept where a sender's would stand; nobody sent it. */
	if (send->hold == SIGSNOOP_HOLD_OOM)
		memset(&send->sender, 0, sizeof(send->sender));
	send->hold = SIGSNOOP_HOLD_NOTHING;
}

/* Hands out what is complete or has waited long enough, as far as there is room. */
static void release(struct reader *reader, unsigned long long time)
{
	struct held *held = &reader->held;

	if (!held->left)
		return;
	for (size_t i = held->first; i < held->count && reader->room; i++) {
		union event *event = &held->events[i].event;
		bool complete;

		if (!event->type)
			continue;
		if (event->type == SIGSNOOP_SEND) {
			complete = due(&event->send) <= time;
			if (complete)
				stop_waiting(&event->send);
		} else {
			complete = !held_send(held, event->end.send_id);
		}
		if (complete && emit(reader, &held->events[i]))
			held_hand_out(held, i);
	}
	held_close_gaps(held);
}

static void end_group(struct reader *reader, const struct sigsnoop_group_end *end)
{
	for (size_t i = reader->held.first; i < reader->held.count; i++) {
		struct sigsnoop_send *send = &reader->held.events[i].event.send;

		if (send->type != SIGSNOOP_SEND || send->hold != SIGSNOOP_HOLD_GROUP ||
		    send->call_id != end->call_id)
			continue;
		send->ret = end->ret;
		send->recipients = end->recipients;
		send->known |= SIGSNOOP_KNOWN_RET | SIGSNOOP_KNOWN_RECIPIENTS;
		send->hold = SIGSNOOP_HOLD_NOTHING;
	}
	reader->counts.calls++;
	reader->counts.answers++;
	release(reader, 0);
}

/* struct sigsnoop_oom_victim says which figure stands where. */
static void tell_memory(struct sigsnoop_send *send, const struct sigsnoop_oom_victim *victim)
{
	send->sender = victim->allocator;
	send->known |= victim->known;
	send->value = victim->vm;
	send->ret = victim->anon_rss;
	send->target_arg = victim->file_rss;
	send->tgid_arg = victim->shmem_rss;
	send->flags = victim->pgtables_kb;
	send->recipients = victim->score_adj;
}

static void name_oom_victim(struct reader *reader, const struct sigsnoop_oom_victim *victim)
{
	for (size_t i = reader->held.first; i < reader->held.count; i++) {
		struct sigsnoop_send *send = &reader->held.events[i].event.send;

		if (send->type == SIGSNOOP_SEND && send->hold == SIGSNOOP_HOLD_OOM &&
		    send->sender.host_tid == victim->host_tid &&
		    send->target.host_pid == victim->victim_host_pid) {
			send->origin = SIGSNOOP_ORIGIN_OOM;
			tell_memory(send, victim);
			send->hold = SIGSNOOP_HOLD_NOTHING;
		}
	}
	reader->counts.victims++;
	release(reader, 0);
}

static struct companion *claim(struct reader *reader, const struct sigsnoop_send *send)
{
	unsigned long long key = send->id ? send->id : send->sender.host_tid * 2ull;
	struct companion *claimed;
	unsigned int found;

	claimed = companions_claim(&reader->companions, key, send->companions, &found);
	reader->counts.missing += send->companions - found;
	return claimed;
}

/* From the ring straight into the batch: nearly every record is copied this once. */
static void take_send(struct reader *reader, const struct sigsnoop_send *send)
{
	struct companion *companions = send->companions ? claim(reader, send) : NULL;

	if (send->hold != SIGSNOOP_HOLD_NOTHING || !emit_send(reader, send, companions))
		keep(reader, send, sizeof(*send), companions);
}

static void take_end(struct reader *reader, const struct sigsnoop_end *end)
{
	/* Mostly nothing is kept back. */
	struct sigsnoop_send *send = reader->held.left ? held_send(&reader->held, end->send_id)
						       : NULL;

	if (send)
		tell_outcome(send, end);
	if (send || !emit_end(reader, end))
		keep(reader, end, sizeof(*end), NULL);
}

/* Without the room behind its text, which nobody cleared. */
static void take_details(struct reader *reader, const struct sigsnoop_details *details, size_t size)
{
	size_t used = sizeof(*details) + details->cmdline_size + details->exe_size;

	if (!companions_keep(&reader->companions, details, used < size ? used : size))
		reader->error = ENOMEM;
}

/* Whether what is looked up by a record's numbers is there; the programs write no others. */
static bool is_sound_send(const struct sigsnoop_send *send)
{
	return send->origin < 32;
}

static bool is_sound_end(const struct sigsnoop_end *end)
{
	return end->action <= SIGSNOOP_ACTION_EXITED;
}

static void take_record(struct reader *reader, const void *data, size_t size)
{
	unsigned int type = size < sizeof(type) ? 0 : *(const unsigned int *)data;

	if (type == SIGSNOOP_SEND && size == sizeof(struct sigsnoop_send) && is_sound_send(data)) {
		take_send(reader, data);
	} else if ((type == SIGSNOOP_DELIVERY || type == SIGSNOOP_DEATH) &&
		   size == sizeof(struct sigsnoop_end) && is_sound_end(data)) {
		take_end(reader, data);
	} else if (type == SIGSNOOP_GROUP_END && size == sizeof(struct sigsnoop_group_end)) {
		end_group(reader, data);
	} else if (type == SIGSNOOP_OOM_VICTIM && size == sizeof(struct sigsnoop_oom_victim)) {
		name_oom_victim(reader, data);
	} else if (type == SIGSNOOP_DETAILS && size >= sizeof(struct sigsnoop_details)) {
		take_details(reader, data, size);
	} else if (type == SIGSNOOP_STACK && size == sizeof(struct sigsnoop_stack)) {
		if (!companions_keep(&reader->companions, data, size))
			reader->error = ENOMEM;
	} else {
		reader->error = EBADMSG;
	}
}

struct reader *reader_new(int ring_fd, int live_fd, unsigned int origins)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (!reader)
		return NULL;
	reader->origins = origins;
	reader->live = MAP_FAILED;
	reader->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (reader->timer >= 0 && ring_map(&reader->ring, ring_fd))
		reader->live = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
				    live_fd, 0);
	if (reader->live != MAP_FAILED)
		return reader;
	error = errno;
	reader_free(reader);
	errno = error;
	return NULL;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	ring_unmap(&reader->ring);
	if (reader->live != MAP_FAILED)
		munmap(reader->live, sysconf(_SC_PAGESIZE));
	if (reader->timer >= 0)
		close(reader->timer);
	held_free(&reader->held);
	companions_free(&reader->companions);
	free(reader);
}

bool reader_may_sleep(struct reader *reader)
{
	/* Said first, looked second, with a full barrier between: see wake_reader(). */
	__atomic_exchange_n(&reader->live->reader_sleeps, 1, __ATOMIC_SEQ_CST);
	return ring_empty(&reader->ring);
}

int reader_timer_fd(const struct reader *reader)
{
	return reader->timer;
}

bool reader_stalled(const struct reader *reader)
{
	return reader->stalled;
}

/*
 * Sets the timer to when the first send that is kept back is due; where a record is still being
 * written to a moment from now, as it may be whole then, and nothing is due while it is not; off
 * where there is neither.
 */
static void set_timer(struct reader *reader)
{
	struct itimerspec when = {};
	unsigned long long first = UINT64_MAX;

	/* An end that is kept back is behind its send, or behind one that waits for room. */
	for (size_t i = reader->held.first; i < reader->held.count && first; i++) {
		union event *event = &reader->held.events[i].event;
		unsigned long long when_due = event->type == SIGSNOOP_SEND ? due(&event->send) : 0;

		if (event->type == SIGSNOOP_SEND ||
		    (event->type && !held_send(&reader->held, event->end.send_id)))
			first = when_due < first ? when_due : first;
	}
	if (reader->stalled)
		first = now() + STALLED_NS;
	if (reader->held.left || reader->stalled) {
		when.it_value.tv_sec = first / 1000000000;
		/* 0 would turn it off. */
		when.it_value.tv_nsec = first % 1000000000 + !first;
	}
	timerfd_settime(reader->timer, TFD_TIMER_ABSTIME, &when, NULL);
	reader->timed = reader->held.left || reader->stalled;
}

long reader_fill(struct reader *reader, struct sigsnoop_send *batch, size_t capacity, bool all)
{
	unsigned long long begin = now();
	const void *record;
	size_t size;

	reader->batch = reader->next = (union event *)batch;
	reader->room = capacity;
	reader->companions.used = 0;
	if (reader->slots_used)
		memset(reader->slots, 0, sizeof(reader->slots));
	reader->slots_used = false;
	release(reader, 0);
	while (reader->room && !reader->error && (record = ring_next(&reader->ring, &size)))
		take_record(reader, record, size);
	ring_give_back(&reader->ring);
	reader->stalled = reader->room && ring_stalled(&reader->ring);
	/*
	 * With room left the ring is empty, so an answer that has not come by now was late or
	 * lost, however long ago the reader last looked. Or it lies behind a record that is
	 * still being written.
	 */
	if (reader->room && (all || !reader->stalled))
		release(reader, all ? UINT64_MAX : begin);
	if (reader->held.left || reader->stalled || reader->timed)
		set_timer(reader);
	if (reader->error)
		return -reader->error;
	return capacity - reader->room;
}

const unsigned char *reader_companions(const struct reader *reader, size_t *size)
{
	*size = reader->companions.used;
	return reader->companions.batch;
}

struct reader_counts reader_counts(const struct reader *reader)
{
	return reader->counts;
}
