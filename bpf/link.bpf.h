/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a send to its end. Each queued signal is remembered by the queue that it
 * waits in, a thread's own or its process's; a signal that has doomed its
 * process, by the process. What a deliver took is told by the kernel's own
 * queues: sigwait and signalfd take signals without a trace, so a list of our
 * own would fall out of step.
 */
#ifndef SIGSNOOP_LINK_BPF_H
#define SIGSNOOP_LINK_BPF_H

/* include/linux/sched/signal.h */
#define SIGNAL_GROUP_EXIT 0x4
#define SIGNAL_CLD_MASK 0x30	/* it was continued, and has not run since */

#define SIGCONT 18
#define FIRST_REAL_TIME 32

/* How far a queue is looked into for the first of a number, where others are ahead of it. */
#define MAX_QUEUE_WALK 256
/* Where what is found is dear to the verifier, and what is not is only less sure. */
#define SHORT_QUEUE_WALK 16

enum link_kind {
	LINK_QUEUE,	/* the last of its number put into a queue */
	LINK_ENTRY,	/* a real-time signal, by its place in the kernel's list */
	LINK_DOOM,	/* the process dies of it */
	LINK_CONTINUE,	/* continued the process, which has not stopped since */
	LINK_FORK,	/* the process was forking: its children may have it too */
	LINK_ASIDE,	/* a timer's, that may come back: detour.bpf.h */
};

enum link_flags {
	LINK_FILTERED = 1,	/* its send was left out, so its end is too */
	LINK_LOST = 2,		/* its send found no room in the ring */
	LINK_UNSURE = 4,	/* two of a kind: it cannot be told which */
	LINK_NOTHING = 8,	/* the process ends of this signal, and nobody sent it */
	LINK_PARENT = 16,	/* it was sent to the process's parent, and passed on */
};

struct link_key {
	__u64 of;	/* a task, its signal_struct, or a sigqueue */
	__u32 kind;
	__u32 signo;
};

struct link_end {
	__u64 id;
	__u64 boot_ns;
	__s32 si_code;
	__u32 flags;
};

struct link {
	struct link_end send;
	struct link_end before;	/* of a LINK_ENTRY: the one ahead of it in the queue */
	__u64 queue;
	__u64 noted_ns;
};

/* Least recently used first out: who takes signals in silence leaves theirs behind. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct link_key);
	__type(value, struct link);
} links SEC(".maps");

/* Like the one in generate.bpf.h, and for the same reason; a delivery holds the signal lock too. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct link);
} link_scratch SEC(".maps");

static __always_inline bool pending_in(struct sigpending *pending, int signo)
{
	return BPF_CORE_READ(pending, signal.sig[0]) >> (signo - 1) & 1;
}

static __always_inline struct sigpending *own_queue(struct task_struct *task)
{
	return (void *)task + bpf_core_field_offset(struct task_struct, pending);
}

static __always_inline struct sigpending *shared_queue(struct signal_struct *signal)
{
	return (void *)signal + bpf_core_field_offset(struct signal_struct, shared_pending);
}

/*
 * A key is an address, which another task or process may get later; but whatever
 * was remembered before that one started is not about it.
 */
static __always_inline struct link *find_link(struct link_key *key, __u64 started_ns)
{
	struct link *link = bpf_map_lookup_elem(&links, key);

	return link && link->noted_ns >= started_ns ? link : NULL;
}

static __always_inline void put_link(struct link_key *key, struct link *value)
{
	struct link *old = bpf_map_lookup_elem(&links, key);

	if (old)
		*old = *value;
	else if (!bpf_map_update_elem(&links, key, value, BPF_ANY))
		count(SIGSNOOP_LINK_ADDED);
}

static __always_inline void drop_link(struct link_key *key)
{
	if (!bpf_map_delete_elem(&links, key))
		count(SIGSNOOP_LINK_REMOVED);
}

/*
 * The process dies of this; the first of a number counts, and false says that there was one
 * already. But what a thread met that nobody sent gives way: its process can outlive it, and be
 * sent the same number.
 */
static __always_inline bool doom(struct signal_struct *signal, __u64 started_ns, int signo,
				 struct link_end *send)
{
	struct link_key key = { .of = (__u64)signal, .kind = LINK_DOOM, .signo = signo };
	struct link first = { .send = *send, .noted_ns = bpf_ktime_get_boot_ns() };
	struct link *known = find_link(&key, started_ns);

	if (known && !(known->send.flags & LINK_NOTHING))
		return false;
	put_link(&key, &first);
	return true;
}

/* The last entry of a queue's list: a signal that was queued this instant. */
static __always_inline __u64 last_entry(struct sigpending *pending)
{
	struct list_head *last = BPF_CORE_READ(pending, list.prev);

	return (__u64)last - bpf_core_field_offset(struct sigqueue, list);
}

/* The first signal of a number that still waits in a queue, by its place; 0: not found. */
static __always_inline __u64 entry_among(struct sigpending *pending, int signo, int most)
{
	void *head = (void *)pending + bpf_core_field_offset(struct sigpending, list);
	struct list_head *at = BPF_CORE_READ((struct list_head *)head, next);
	struct turns turns;
	struct sigqueue *entry;
	__u64 found = 0;

	begin_turns(&turns, most);
	do {
		if (was_last_turn(&turns) || at == head)
			break;
		entry = (void *)at - bpf_core_field_offset(struct sigqueue, list);
		if (BPF_CORE_READ(entry, info.si_signo) == signo) {
			found = (__u64)entry;
			break;
		}
		at = BPF_CORE_READ(at, next);
	} while (next_turn(&turns, most));
	end_turns(&turns);
	return found;
}

/* A global function of plain numbers, as blocked_by() is and for the same reason. */
__noinline __u64 first_entry(__u64 pending, int signo)
{
	return entry_among((void *)pending, signo, MAX_QUEUE_WALK);
}

/*
 * What left a queue last, of one number, as far as its send is known; NULL where
 * nothing did. The rest of the queue tells: of real-time signals, it was the one
 * ahead of the first that still waits.
 */
static __always_inline struct link_end *left_queue(struct link_key *key,
						   struct sigpending *pending, __u64 started_ns,
						   int si_code)
{
	struct link *link = find_link(key, started_ns);
	struct link_key entry = { .kind = LINK_ENTRY, .signo = key->signo };
	struct link_end *left;

	if (!link)
		return NULL;
	if (!pending_in(pending, key->signo)) {
		left = &link->send;
	} else if (key->signo < FIRST_REAL_TIME) {
		/* One waits at a time, and it does. */
		return NULL;
	} else {
		entry.of = first_entry((__u64)pending, key->signo);
		link = find_link(&entry, started_ns);
		if (!link || link->queue != key->of)
			return NULL;
		left = &link->before;
	}
	return left->id && (left->si_code == si_code || left->flags & LINK_UNSURE) ? left : NULL;
}

/* What take_from() found; a delivery holds the signal lock, so a CPU is in one at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct link_end);
} taken SEC(".maps");

/*
 * Takes what left a queue last, of one number and code, into `taken`; 0 where nothing
 * did. `of` is whose the queue is. A global function of plain numbers, as blocked_by()
 * is and for the same reason.
 */
__noinline int take_from(__u64 of, __u64 pending, int signo, int si_code, __u64 started_ns)
{
	struct link_key key = { of, LINK_QUEUE, signo };
	struct link_end *left, *into;
	__u32 zero = 0;

	into = bpf_map_lookup_elem(&taken, &zero);
	left = left_queue(&key, (void *)pending, started_ns, si_code);
	if (!left || !into)
		return 0;
	*into = *left;
	/* Each has one end. */
	left->id = 0;
	if (!pending_in((void *)pending, signo))
		drop_link(&key);
	return 1;
}

static __always_inline void copy_taken(struct link_end *send)
{
	__u32 zero = 0;
	struct link_end *from = bpf_map_lookup_elem(&taken, &zero);

	if (from)
		*send = *from;
}

/*
 * The send that a deliver belongs to; false where it is not known. A thread takes
 * from its own queue first. Where both queues lost one of this number, and their
 * codes are alike, it cannot be told which.
 */
static __always_inline bool delivered_send(struct task_struct *task, int signo, int si_code,
					   struct link_end *send)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	bool own, shared;

	own = take_from((__u64)task, (__u64)own_queue(task), signo, si_code,
			BPF_CORE_READ(task, start_boottime));
	if (own)
		copy_taken(send);
	shared = take_from((__u64)signal, (__u64)shared_queue(signal), signo, si_code,
			   start_of(task, false));
	if (shared && !own)
		copy_taken(send);
	else if (shared)
		send->flags |= LINK_UNSURE;
	return own || shared;
}

#endif
