/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept of a signal as it is generated, so that its end finds it. */
#ifndef SIGSNOOP_REMEMBER_BPF_H
#define SIGSNOOP_REMEMBER_BPF_H

/*
 * Remembers the signal in `scratch` until its end, with flags of enum link_flags.
 * Returns its outcome so far. A global function of plain numbers, as blocked_by()
 * is and for the same reason.
 */
__noinline int remember(__u64 id, int link_flags)
{
	__u32 zero = 0;
	struct generated *g = bpf_map_lookup_elem(&scratch, &zero);
	enum sigsnoop_outcome outcome = SIGSNOOP_OUTCOME_PENDING;
	struct link_key key = {}, entry = {};
	struct signal_struct *signal;
	struct task_struct *task;
	struct sigpending *pending;
	struct link *last, *value;
	__u64 started_ns;
	int signo, result;
	__u32 flags;

	if (!g)
		return SIGSNOOP_OUTCOME_UNKNOWN;
	task = (void *)g->task;
	signo = g->signo;
	result = g->result;
	signal = (void *)g->signal;
	started_ns = g->started_ns;
	flags = g->signal_flags;
	value = bpf_map_lookup_elem(&link_scratch, &zero);
	if (!value)
		return SIGSNOOP_OUTCOME_UNKNOWN;
	__builtin_memset(value, 0, sizeof(*value));
	value->send.id = id;
	value->send.boot_ns = g->boot_ns;
	value->send.si_code = g->si_code;
	value->send.flags = link_flags;
	value->noted_ns = g->boot_ns;
	/*
	 * The flags stay until the process has run, so a second SIGCONT would see
	 * them too; only the first has continued it.
	 */
	if (signo == SIGCONT && flags & SIGNAL_CLD_MASK) {
		key = (struct link_key){ (__u64)signal, LINK_CONTINUE, SIGCONT };
		if (!find_link(&key, started_ns)) {
			put_link(&key, value);
			outcome = SIGSNOOP_OUTCOME_CONTINUED;
		}
	}
	if (is_set_aside(g)) {
		note_aside(g, value);
		return outcome;
	}
	if (result != SIGSNOOP_RESULT_QUEUED && result != SIGSNOOP_RESULT_LOST_INFO)
		return outcome == SIGSNOOP_OUTCOME_PENDING ? SIGSNOOP_OUTCOME_DISCARDED : outcome;
	/* The kernel decides at once where there is no core to dump and no debugger to ask. */
	if (flags & SIGNAL_GROUP_EXIT && BPF_CORE_READ(signal, group_exit_code) == signo &&
	    pending_in(own_queue(task), SIGKILL)) {
		doom(signal, started_ns, signo, &value->send);
		return outcome;
	}
	if (signo == SIGKILL)
		return outcome;
	note_forks(g, value);
	if (g->group) {
		pending = shared_queue(signal);
		key = (struct link_key){ (__u64)signal, LINK_QUEUE, signo };
	} else {
		pending = own_queue(task);
		key = (struct link_key){ (__u64)task, LINK_QUEUE, signo };
		started_ns = BPF_CORE_READ(task, start_boottime);
	}
	value->queue = key.of;
	if (result == SIGSNOOP_RESULT_LOST_INFO)
		value->send.si_code = SI_USER;
	if (signo >= FIRST_REAL_TIME) {
		/*
		 * Without its siginfo it has no place in the list; and it is gone with the
		 * last that has one (collect_signal in kernel/signal.c).
		 */
		if (result == SIGSNOOP_RESULT_LOST_INFO) {
			if (entry_among(pending, signo, SHORT_QUEUE_WALK))
				return SIGSNOOP_OUTCOME_DISCARDED;
			value->send.flags |= LINK_UNSURE;
		} else {
			last = find_link(&key, started_ns);
			if (last)
				value->before = last->send;
			entry = (struct link_key){ last_entry(pending), LINK_ENTRY, signo };
			put_link(&entry, value);
		}
	}
	put_link(&key, value);
	return outcome;
}

#endif
