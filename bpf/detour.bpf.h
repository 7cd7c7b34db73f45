/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Signals that come to wait in a queue without being generated for it: those of a
 * group that a fork was under way in, and a timer's that was set aside.
 */
#ifndef SIGSNOOP_DETOUR_BPF_H
#define SIGSNOOP_DETOUR_BPF_H

/*
 * How long a fork may take; and from when its child's time begins, its end: until then for sure
 * nothing reached another fork of that parent, and so long at the most it waits for a lock.
 */
#define FORK_NS 1000000000ull
#define FORK_END_NS 10000ull
#define FORK_END_MOST_NS 1000000ull

/*
 * What is sent to a group reaches its processes, and whom they create just then, without its
 * siginfo and without being generated anew (4.19, signal: Don't restart fork when signals come
 * in). The children find it by their parent.
 */
static __always_inline void note_forks(struct generated *g, struct link *value)
{
	struct link_key key = { g->signal, LINK_FORK, g->signo };
	struct signal_struct *signal = (void *)g->signal;
	enum sigsnoop_origin origin = RECALL(g->origin);
	__u32 flags = value->send.flags;
	struct link *before;

	if (!g->group || (by_call(origin) && !RECALL(g->many)) ||
	    !BPF_CORE_READ(signal, multiprocess.first))
		return;
	/* Of the kernel's others nothing tells whether they are a group's, and are passed on. */
	if (!by_call(origin) && origin != SIGSNOOP_ORIGIN_TERMINAL)
		value->send.flags |= LINK_UNSURE;
	before = find_link(&key, g->started_ns);
	if (before)
		value->before = before->send;
	put_link(&key, value);
	value->send.flags = flags;
	__builtin_memset(&value->before, 0, sizeof(value->before));
}

/*
 * A periodic timer's signal that is ignored is set aside. It comes back, without being generated
 * anew, where it is ignored no longer (6.13, signal: Queue ignored posixtimers on ignore list).
 * Before, the timer went on, and its next one came.
 */
static __always_inline bool is_set_aside(struct generated *g)
{
	struct k_itimer *timer = NULL;

	if (!bpf_core_field_exists(timer->it_sig_periodic))
		return false;
	if (g->result != SIGSNOOP_RESULT_IGNORED || g->si_code != SI_TIMER ||
	    RECALL(g->origin) != SIGSNOOP_ORIGIN_TIMER || g->signal_flags & SIGNAL_GROUP_EXIT)
		return false;
	timer = (void *)g->info - bpf_core_field_offset(struct sigqueue, info) -
		bpf_core_field_offset(struct k_itimer, sigq);
	return BPF_CORE_READ(timer, it_sig_periodic);
}

/* One of a number is kept, with which timer's it is: ids grow for ever, and timers go unseen. */
static __always_inline void note_aside(struct generated *g, struct link *value)
{
	struct link_key key = { g->signal, LINK_ASIDE, g->signo };
	struct kernel_siginfo *info = (void *)g->info;

	value->queue = BPF_CORE_READ(info, _sifields._timer._tid);
	put_link(&key, value);
}

/* What came back, into `taken`; 0: nothing did. */
__noinline int take_aside(__u64 address, int signo, __u64 siginfo)
{
	struct task_struct *task = (void *)address;
	struct kernel_siginfo *info = (void *)siginfo;
	struct link_key key = { (__u64)BPF_CORE_READ(task, signal), LINK_ASIDE, signo };
	struct link *link = find_link(&key, start_of(task, false));
	struct link_end *into;
	__u32 zero = 0;

	into = bpf_map_lookup_elem(&taken, &zero);
	if (!into || !link)
		return 0;
	*into = link->send;
	/* Another timer's: it was kept in the place of this one's, or this came by itself. */
	if (link->queue != (__u32)BPF_CORE_READ(info, _sifields._timer._tid) || !link->send.id)
		into->flags |= LINK_UNSURE;
	else
		link->send.id = 0;
	return 1;
}

/* What a fork has passed on to its child, into `taken`; 0: it is not known. */
__noinline int take_passed_on(__u64 address, int signo)
{
	struct task_struct *task = (void *)address, *parent = BPF_CORE_READ(task, real_parent);
	struct link_key key = { (__u64)BPF_CORE_READ(parent, signal), LINK_FORK, signo };
	struct link *link = find_link(&key, start_of(parent, false));
	__u64 started_ns = start_of(task, false);
	struct link_end *into;
	__u32 zero = 0;

	into = bpf_map_lookup_elem(&taken, &zero);
	if (!into || !link || link->send.boot_ns + FORK_NS < started_ns ||
	    started_ns + FORK_END_MOST_NS < link->send.boot_ns)
		return 0;
	*into = link->send;
	into->flags |= LINK_PARENT;
	/* The parent may have been at its next, and this child's is the one before. */
	if (started_ns + FORK_END_NS < link->send.boot_ns && link->before.id &&
	    link->before.boot_ns + FORK_NS >= started_ns)
		into->flags |= LINK_UNSURE;
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
