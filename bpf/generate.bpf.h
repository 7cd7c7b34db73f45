/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a send's signal is generated: one for each recipient. */
#ifndef SIGSNOOP_GENERATE_BPF_H
#define SIGSNOOP_GENERATE_BPF_H

/* Ids of generated signals are odd, and unique: the signal lock keeps interrupts off here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} ids SEC(".maps");

/*
 * Below 2^53, so that every JSON reader keeps them. 5.12's atomic fetch-and-add
 * is not needed: each CPU counts for itself.
 */
static __always_inline __u64 next_id(void)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&ids, &zero);

	return last ? (++*last << 12 | (bpf_get_smp_processor_id() & 0x7ff) << 1 | 1) : 0;
}

static __always_inline bool generated_wanted(struct generated *g, enum sigsnoop_origin origin,
					     struct task_struct *task, struct task_struct *current,
					     struct task_struct *this)
{
	bool process = by_call(origin);
	struct task_struct *sender;
	__u64 child;

	/* What the OOM killer sends is known as such only later, by the reader. */
	if (!origin_wanted(origin) || !signal_wanted(g->signo))
		return false;
	/* A call that generates a signal has not failed, but for an overflow. */
	if (settings.failed_only && !(process && g->result == SIGSNOOP_RESULT_OVERFLOW))
		return false;
	if ((settings.fatal_only || (settings.kernel_if_fatal && !process)) &&
	    !ends_process(task, g->signo, g->result, disposition_of(task, g->signo)))
		return false;
	if (origin == SIGSNOOP_ORIGIN_CHILD)
		find_child(g, task, current);
	child = RECALL(g->child);
	if (child) {
		sender = CAST(task_struct, child);
		if (!sender_wanted(sender, CASTS))
			return false;
	} else {
		sender = RECALL(g->by_current) ? this : NULL;
		if (!sender_wanted(sender, DIRECT))
			return false;
	}
	return target_wanted(task, &g->call, process, DIRECT) && follow_wanted(sender, task);
}

static __always_inline void count_signal(struct generated *g, enum sigsnoop_counter signal,
					 enum sigsnoop_counter single)
{
	bool alone = by_call(RECALL(g->origin)) && !RECALL(g->many);

	count(alone ? single : signal);
	if (settings.calls && alone && !exit_seen(&g->call))
		count(SIGSNOOP_SINGLE_NO_EXIT);
}

/* What is known of its end: the rest follows, if it is asked for. */
static __always_inline enum sigsnoop_outcome link_send(struct generated *g, __u64 id, int flags)
{
	if (live.phase == SIGSNOOP_TRACING && settings.outcomes)
		return remember(id, flags);
	if (g->result == SIGSNOOP_RESULT_QUEUED || g->result == SIGSNOOP_RESULT_LOST_INFO)
		return SIGSNOOP_OUTCOME_PENDING;
	/* SIGCONT shows as ignored, and continues all the same. */
	return g->signo == SIGCONT ? SIGSNOOP_OUTCOME_UNKNOWN : SIGSNOOP_OUTCOME_DISCARDED;
}

/*
 * A process's own stack for what it does; the kernel's for what the kernel does,
 * and with it that of the process whose doing it was. Whoever merely ran when a
 * timer fired has nothing to do with it.
 */
static __always_inline enum stack_part parts_of_stack(struct generated *g,
						      enum sigsnoop_origin origin)
{
	if (by_call(origin))
		return USER_STACK;
	if (RECALL(g->by_current) ||
	    (origin == SIGSNOOP_ORIGIN_FAULT && g->own_thread))
		return KERNEL_STACK | USER_STACK;
	return KERNEL_STACK;
}

/* When it is, and what it is called; of one recipient its call too. */
static __always_inline void name_signal(struct generated *g)
{
	g->boot_ns = bpf_ktime_get_boot_ns();
	g->id = g->call_id = next_id();
}

/* The call that a signal belongs to, where it has many recipients: all share its id. */
static __always_inline void join_call(struct generated *g, __u32 tid, __u32 recipient)
{
	struct refused_call *refused_call;
	struct group_call *group;

	/* Nothing tells when the call ends, so nothing tells it from the thread's next. */
	if (!exit_seen(&g->call)) {
		g->call_id = 0;
		return;
	}
	group = group_of(tid, &g->call, g->id, recipient);
	if (group) {
		group->recipients++;
		g->call_id = group->call_id;
		g->counted = true;
		return;
	}
	refused_call = refused_call_of(tid);
	if (!refused_call)
		return;
	if (!refused_call->call_id)
		refused_call->call_id = g->id;
	g->call_id = refused_call->call_id;
}

/* One signal to one recipient. Not inlined: every family of programs calls it. */
static __noinline int on_generate(struct generated *g, struct task_struct *task,
				  struct kernel_siginfo *info, void *ctx)
{
	struct task_struct *this = this_thread(), *current = readable(this);
	enum sigsnoop_origin origin;
	struct signal_struct *signal;
	struct group_call *group;
	struct sigsnoop_send *send;
	struct syscall *call = &g->call;
	__u64 pid_tgid = pid_tgid_of(this);
	__u32 tid = pid_tgid, tgid = READ(DIRECT, task, tgid);
	struct told told;
	__u32 stack = 0;
	__u64 id, *mm;

	g->own = tgid == pid_tgid >> 32;
	g->own_thread = (__u32)READ(DIRECT, task, pid) == tid;
	signal = READ(DIRECT, task, signal);
	g->signal = (__u64)signal;
	/* By which alone its end is found. */
	if (settings.outcomes) {
		g->signal_flags = READ(DIRECT, signal, flags);
		g->started_ns = start_of(task, DIRECT);
	}
	g->current_flags = READ(DIRECT, this, flags);
	if (g->current_flags & PF_KTHREAD)
		*call = (struct syscall){};
	else
		current_syscall(this, call);
	read_code(g, info);
	RECALL(g->origin) = origin_of(g, task, current, this);
	origin = RECALL(g->origin);
	RECALL(g->many) = by_call(origin) && is_group_send(call);
	if (live.phase == SIGSNOOP_IDLE) {
		/* The trace may begin before the call has reached the rest. */
		if (RECALL(g->many) && exit_seen(call))
			refuse(tid, TOO_EARLY);
		return 0;
	}
	if (live.phase == SIGSNOOP_DRAINING &&
	    !(RECALL(g->many) && bpf_map_lookup_elem(&groups, &tid)))
		return 0;
	/* Others that share the victim's memory are killed after it, in the same thread. */
	if (origin == SIGSNOOP_ORIGIN_KERNEL && g->signo == SIGKILL && g->info == SEND_SIG_PRIV) {
		mm = bpf_map_lookup_elem(&oom_threads, &tid);
		if (mm && *mm && *mm == (__u64)BPF_CORE_READ(task, mm))
			RECALL(g->origin) = SIGSNOOP_ORIGIN_OOM;
	}
	g->counted = false;
	/* What is left out needs neither, unless its end or its call has to be known by it. */
	if (settings.outcomes || RECALL(g->many))
		name_signal(g);
	/* Counted before the filter: how many a call reached does not depend on who looks. */
	if (RECALL(g->many))
		join_call(g, tid, tgid);
	origin = RECALL(g->origin);
	RECALL(g->by_current) = sender_is_current(g, origin);
	RECALL(g->child) = 0;
	if (!generated_wanted(g, origin, task, current, this)) {
		if (settings.outcomes)
			link_send(g, g->id, LINK_FILTERED);
		count_signal(g, SIGSNOOP_SIGNAL_FILTERED, SIGSNOOP_SINGLE_FILTERED);
		return 0;
	}
	if (!settings.outcomes && !RECALL(g->many))
		name_signal(g);
	id = g->id;
	if (RECALL(g->counted)) {
		group = bpf_map_lookup_elem(&groups, &tid);
		if (group)
			group->submitted = 1;
	}
	told = tell_details(RECALL(g->by_current), RECALL(g->child), g->own_thread, g->task, id,
			    false);
	if (settings.stacks)
		stack = tell_stack(ctx, id, g->boot_ns, parts_of_stack(g, RECALL(g->origin)));
	send = bpf_ringbuf_reserve(&ring, sizeof(*send), 0);
	/* Asked once: 5.10's verifier forgets the answer. */
	if (!send) {
		link_send(g, id, LINK_LOST);
		count_signal(g, SIGSNOOP_SIGNAL_RING_FULL, SIGSNOOP_SINGLE_RING_FULL);
		return 0;
	}
	__builtin_memset(send, 0, offsetof(struct sigsnoop_send, sender));
	send->type = SIGSNOOP_SEND;
	send->origin = RECALL(g->origin);
	send->id = id;
	send->call_id = g->call_id;
	send->boot_ns = g->boot_ns;
	send->signo = g->signo;
	send->result = g->result;
	send->outcome = link_send(g, id, 0);
	describe_info(send, g);
	describe(task, task, &send->target, DIRECT);
	send->known |= SIGSNOOP_KNOWN_TARGET;
	tell_fate(send, g, task);
	if (RECALL(g->by_current)) {
		if (g->own_thread)
			send->sender = send->target;
		else
			describe(current, this, &send->sender, DIRECT);
		send->known |= SIGSNOOP_KNOWN_SENDER;
	} else if (RECALL(g->child)) {
		describe(CAST(task_struct, g->child), CAST(task_struct, g->child), &send->sender,
			 CASTS);
		send->known |= SIGSNOOP_KNOWN_SENDER;
	} else {
		__builtin_memset(&send->sender, 0, sizeof(send->sender));
	}
	origin = RECALL(g->origin);
	if (by_call(origin)) {
		describe_call(send, call);
		send->many = g->many;
		if (RECALL(g->counted)) {
			send->hold = SIGSNOOP_HOLD_GROUP;
		} else if (!RECALL(g->many)) {
			/* kernel/signal.c: with one recipient, what became of it is the answer. */
			send->ret = g->result == SIGSNOOP_RESULT_OVERFLOW ? -EAGAIN : 0;
			send->recipients = 1;
			send->known |= SIGSNOOP_KNOWN_RET | SIGSNOOP_KNOWN_RECIPIENTS;
		}
	} else if (origin == SIGSNOOP_ORIGIN_OOM) {
		if (tell_allocator(&send->sender))
			send->known |= SIGSNOOP_KNOWN_ALLOCATOR;
	} else if (origin == SIGSNOOP_ORIGIN_KERNEL && g->signo == SIGKILL &&
		   g->info == SEND_SIG_PRIV && !(g->current_flags & PF_EXITING)) {
		/* Perhaps the OOM killer's, which says so just after. Told by its thread. */
		send->hold = SIGSNOOP_HOLD_OOM;
		send->sender.host_tid = tid;
		live.held_ns = send->boot_ns;
	}
	note_details(send, told);
	note_stack(send, stack);
	count_signal(g, SIGSNOOP_SIGNAL_SUBMITTED, SIGSNOOP_SINGLE_SUBMITTED);
	bpf_ringbuf_submit(send, wake_reader());
	return 0;
}

#endif
