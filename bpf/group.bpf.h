/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Group sends (kill of 0, -1, -pgid; a pidfd's process group): one call, many
 * recipients, and an answer that only the exit shows. Remembered by thread from
 * the first recipient to the exit, as the original program remembers every call.
 */
#ifndef SIGSNOOP_GROUP_BPF_H
#define SIGSNOOP_GROUP_BPF_H

struct group_call {
	__u64 call_id;
	__u32 recipients;
	__u32 submitted;
	int target_arg;
	int signo;
	__u32 first;	/* the first recipient: its tgid */
	__u32 spare;
};

/* Calls in progress, by thread: a thread is in one call at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct group_call);
} groups SEC(".maps");

/*
 * Calls that have recipients already that are not counted above: they found no
 * room, or came before the trace. What is counted from then on would not be all.
 */
enum refusal {
	NO_ROOM = 1,
	TOO_EARLY,
};

/* They still share an id, that of the first recipient told. */
struct refused_call {
	__u64 call_id;
	__u32 why;
	__u32 spare;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct refused_call);
} refused SEC(".maps");

static __always_inline void refuse(__u32 tid, enum refusal why)
{
	struct refused_call call = { .why = why };

	live.refused_any = 1;
	bpf_map_update_elem(&refused, &tid, &call, BPF_ANY);
}

/* The call that a thread is in, if it is not counted; NULL where it is, or may be. */
static __always_inline struct refused_call *refused_call_of(__u32 tid)
{
	return live.refused_any ? bpf_map_lookup_elem(&refused, &tid) : NULL;
}

/* Not of this one: the kernel skipped the exit program of another. */
static __always_inline bool is_of_another(struct group_call *group, struct syscall *call)
{
	return group->target_arg != call->target_arg || group->signo != call->signo;
}

static __always_inline void forget_group(__u32 tid)
{
	bpf_map_delete_elem(&groups, &tid);
	count(SIGSNOOP_GROUP_STALE);
}

/*
 * The call that a recipient belongs to; begun with the given id where this is
 * its first. NULL: the call is refused.
 */
static __always_inline struct group_call *group_of(__u32 tid, struct syscall *call, __u64 id,
						    __u32 recipient)
{
	struct group_call *group = bpf_map_lookup_elem(&groups, &tid);
	struct group_call first = {
		.call_id = id,
		.target_arg = call->target_arg,
		.signo = call->signo,
		.first = recipient,
	};

	/* A call reaches each process once, and another like it usually begins with the same. */
	if (group && (is_of_another(group, call) || group->first == recipient)) {
		forget_group(tid);
		group = NULL;
	}
	if (!group) {
		if (refused_call_of(tid))
			return NULL;
		if (bpf_map_update_elem(&groups, &tid, &first, BPF_ANY)) {
			refuse(tid, NO_ROOM);
			return NULL;
		}
		count(SIGSNOOP_GROUP_REMEMBERED);
		group = bpf_map_lookup_elem(&groups, &tid);
	}
	return group;
}

/* The exit of a group call that generated signals: hand over its answer. */
static __always_inline void end_group(struct group_call *group, int ret)
{
	struct sigsnoop_group_end *end;

	if (!group->submitted) {
		count(SIGSNOOP_GROUP_FILTERED);
		return;
	}
	end = bpf_ringbuf_reserve(&ring, sizeof(*end), 0);
	if (!end) {
		count(SIGSNOOP_GROUP_RING_FULL);
		return;
	}
	end->type = SIGSNOOP_GROUP_END;
	end->ret = ret;
	end->call_id = group->call_id;
	end->recipients = group->recipients;
	end->spare = 0;
	count(SIGSNOOP_GROUP_SUBMITTED);
	bpf_ringbuf_submit(end, wake_reader());
}

#endif
