/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Signals that come to wait in a queue without being generated for it: those of a
 * group that a fork was under way in, and those of a timer that were set aside.
 */
#ifndef SIGSNOOP_DETOUR_BPF_H
#define SIGSNOOP_DETOUR_BPF_H

/* How long a fork may take, and its end alone, from the start of the child's time on. */
#define FORK_NS 1000000000ull
#define FORK_END_NS 10000ull

/*
 * What is sent to a group reaches its processes, and whom they create just then, without its
 * siginfo and without being generated anew (4.19, fork: Have new threads join on-going signal
 * group stops, and its kin). The children find it by their parent.
 */
static __always_inline void note_forks(struct generated *g, struct link *value)
{
	struct link_key key = { g->signal, LINK_FORK, g->signo };
	struct signal_struct *signal = (void *)g->signal;

	if (!g->group || !(RECALL(g->many) || RECALL(g->origin) == SIGSNOOP_ORIGIN_TERMINAL) ||
	    !BPF_CORE_READ(signal, multiprocess.first))
		return;
	put_link(&key, value);
}

/*
 * A periodic timer's signal that is ignored is set aside. It comes back, without being generated
 * anew, where it is ignored no longer (6.13, posix-timers: Move sequence logic into struct
 * k_itimer, and its kin). Before, the timer went on, and its next one came.
 */
static __always_inline bool is_set_aside(struct generated *g)
{
	struct k_itimer *timer = NULL;

	if (!bpf_core_field_exists(timer->it_sig_periodic))
		return false;
	if (g->result != SIGSNOOP_RESULT_IGNORED || g->si_code != SI_TIMER ||
	    RECALL(g->origin) != SIGSNOOP_ORIGIN_TIMER)
		return false;
	timer = (void *)g->info - bpf_core_field_offset(struct sigqueue, info) -
		bpf_core_field_offset(struct k_itimer, sigq);
	return BPF_CORE_READ(timer, it_sig_periodic);
}

/* Each timer has one such signal at most; of two timers it cannot be told whose came back. */
static __always_inline void note_aside(struct generated *g, struct link *value)
{
	struct link_key key = { g->signal, LINK_ASIDE, g->signo };
	struct link *other = find_link(&key, g->started_ns);

	value->queue = g->info;
	if (other && other->queue != g->info)
		value->send.flags |= LINK_UNSURE;
	put_link(&key, value);
}

/* What a deliver that nothing in the queues accounts for belongs to, into `taken`; 0: nothing. */
__noinline int take_detour(__u64 address, int signo, int si_code)
{
	struct task_struct *task = (void *)address, *parent = BPF_CORE_READ(task, real_parent);
	struct link_key aside = { (__u64)BPF_CORE_READ(task, signal), LINK_ASIDE, signo };
	struct link_key fork = { (__u64)BPF_CORE_READ(parent, signal), LINK_FORK, signo };
	__u64 started_ns = start_of(task, false);
	struct link_end *into;
	struct link *link;
	__u32 zero = 0;

	into = bpf_map_lookup_elem(&taken, &zero);
	if (!into)
		return 0;
	if (si_code == SI_TIMER) {
		link = find_link(&aside, started_ns);
		if (!link)
			return 0;
		*into = link->send;
		drop_link(&aside);
		return 1;
	}
	link = find_link(&fork, start_of(parent, false));
	/*
	 * All whom the parent created just then have it. One that came later was noted in place of
	 * this child's: the parent was at its next.
	 */
	if (!link || link->send.boot_ns + FORK_NS < started_ns ||
	    started_ns + FORK_END_NS < link->send.boot_ns)
		return 0;
	*into = link->send;
	return 1;
}

/* Whether a siginfo names its taker's debugger, as the kernel writes it for what that makes up. */
__noinline int by_debugger(__u64 address, __u64 siginfo)
{
	struct task_struct *task = (void *)address, *debugger = BPF_CORE_READ(task, parent);
	struct kernel_siginfo *info = (void *)siginfo;
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid = upid_at(pid, level);

	/* 0 where the debugger is not seen from there. */
	return number_in(BPF_CORE_READ(debugger, thread_pid), level, BPF_CORE_READ(upid, ns),
			 false) == (__u32)BPF_CORE_READ(info, _sifields._kill._pid);
}

#endif
