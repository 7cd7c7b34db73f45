/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a send's call returns: told where it generated nothing, or as the answer of a group send. */
#ifndef SIGSNOOP_RETURN_BPF_H
#define SIGSNOOP_RETURN_BPF_H

#define EBADF 9

/* What returns so soon after the trace's beginning may have had recipients before it. */
#define EARLY_NS 1000000000ull

/* Whether a call is wanted as far as can be told without its target, which is dear to find. */
static __always_inline bool call_wanted(struct syscall *call, struct task_struct *caller, int ret)
{
	if (!origin_wanted(call->origin) || !signal_wanted(call->signo))
		return false;
	if (settings.fatal_only || (settings.failed_only && !ret))
		return false;
	return sender_wanted(caller, DIRECT);
}

/*
 * Whether the queue can be too full for it, which its signal was told with (kernel/signal.c,
 * __send_signal_locked): only a real-time signal fails so, and none that comes as by kill().
 */
static __always_inline bool may_overflow(struct syscall *call)
{
	return call->signo >= FIRST_REAL_TIME && call->origin != SIGSNOOP_ORIGIN_KILL;
}

/* One of the six calls returns. What it generated was told already; what remains is told here. */
static __always_inline int on_exit(void *ctx, long ret)
{
	struct task_struct *this = this_thread(), *caller = readable(this);
	struct task_struct *target = NULL;
	struct group_call *group = NULL;
	bool wanted;
	struct sigsnoop_send *send;
	struct syscall call = {};
	__u32 tid = pid_tgid_of(this);
	struct refused_call *refused_call = NULL;
	struct told told;
	__u32 refusal = 0, stack = 0;
	bool self = false;

	if (live.phase == SIGSNOOP_IDLE) {
		if (live.refused_any)
			bpf_map_delete_elem(&refused, &tid);
		return 0;
	}
	current_syscall(this, &call);
	/* None of them returns more than 0: where seccomp stops a call, its number is put back. */
	if (call.origin == SIGSNOOP_ORIGIN_NONE || ret > 0)
		return 0;
	if (is_group_send(&call)) {
		group = bpf_map_lookup_elem(&groups, &tid);
		if (group && is_of_another(group, &call)) {
			forget_group(tid);
			group = NULL;
		}
		if (group) {
			end_group(group, ret);
			bpf_map_delete_elem(&groups, &tid);
		} else {
			refused_call = refused_call_of(tid);
			if (refused_call) {
				refusal = refused_call->why;
				bpf_map_delete_elem(&refused, &tid);
			}
		}
	}
	if (live.phase != SIGSNOOP_TRACING)
		return 0;
	if (group)
		return 0;
	if (refusal) {
		count(refusal == NO_ROOM ? SIGSNOOP_GROUP_TABLE_FULL : SIGSNOOP_GROUP_EARLY);
		return 0;
	}
	if (is_group_send(&call)) {
		/*
		 * kill(-1), and no other, says 0 too where every process refuses
		 * (kill_something_info); else its recipients came before the trace.
		 */
		if (!ret && call.signo &&
		    (call.target_arg != -1 || bpf_ktime_get_boot_ns() - live.began_ns < EARLY_NS)) {
			count(SIGSNOOP_GROUP_EARLY);
			return 0;
		}
	} else if (call.signo && (!ret || (ret == -EAGAIN && may_overflow(&call)))) {
		count(SIGSNOOP_SINGLE_EXITS);
		return 0;
	}
	wanted = call_wanted(&call, this, ret);
	/* ESRCH: whatever that number names now, it was not reached. EBADF: it is no pidfd. */
	if (wanted && ret != -ESRCH && ret != -EBADF) {
		self = names_itself(caller, tid, &call);
		target = self ? this : named_target(caller, &call);
	}
	if (!wanted || !target_wanted(target, &call, true, false) || !follow_wanted(caller, target)) {
		count(SIGSNOOP_CALL_FILTERED);
		return 0;
	}
	told = tell_details(true, 0, self, self ? 0 : (__u64)target, (__u64)tid << 1, true);
	if (settings.stacks)
		stack = tell_stack(ctx, (__u64)tid << 1, bpf_ktime_get_boot_ns(), USER_STACK);
	send = bpf_ringbuf_reserve(&ring, sizeof(*send), 0);
	if (!send) {
		count(SIGSNOOP_CALL_RING_FULL);
		return 0;
	}
	__builtin_memset(send, 0, offsetof(struct sigsnoop_send, sender));
	send->type = SIGSNOOP_SEND;
	send->origin = call.origin;
	send->boot_ns = bpf_ktime_get_boot_ns();
	send->signo = call.signo;
	send->ret = ret;
	send->known = SIGSNOOP_KNOWN_SENDER | SIGSNOOP_KNOWN_RET | SIGSNOOP_KNOWN_RECIPIENTS;
	describe_call(send, &call);
	describe_user_info(send, &call);
	describe(caller, this, &send->sender, DIRECT);
	if (self)
		send->target = send->sender;
	else if (target)
		describe(CAST(task_struct, target), CAST(task_struct, target), &send->target, CASTS);
	else
		__builtin_memset(&send->target, 0, sizeof(send->target));
	if (target)
		send->known |= SIGSNOOP_KNOWN_TARGET;
	note_details(send, told);
	note_stack(send, stack);
	count(SIGSNOOP_CALL_SUBMITTED);
	bpf_ringbuf_submit(send, wake_reader());
	return 0;
}

#endif
