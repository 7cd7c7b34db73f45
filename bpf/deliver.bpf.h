/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a signal is delivered: to a handler, or to what the kernel does by default. */
#ifndef SIGSNOOP_DELIVER_BPF_H
#define SIGSNOOP_DELIVER_BPF_H

/* Members of a process group that are looked at to tell whether it is orphaned. */
#define MAX_GROUP_WALK 64

#define SIGTSTP 20
#define SIGTTOU 22

/* 1 or 0, without a branch: the verifier follows both ways of each, at every turn of a loop. */
static __always_inline __u64 is_zero(__u64 number)
{
	__u64 negative = -number;

	asm volatile("" : "+r"(negative));
	return ~(number | negative) >> 63;
}

/*
 * Whether a process group has nobody to continue it: its TSTP, TTIN and TTOU then
 * do not stop (is_current_pgrp_orphaned in kernel/exit.c). -1: too many members.
 */
__noinline int is_orphaned(__u64 address)
{
	struct task_struct *task = (void *)address, *member, *parent;
	struct pid *group = BPF_CORE_READ(task, signal, pids[PIDTYPE_PGID]);
	struct pid *session = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID]);
	void *at = BPF_CORE_READ(group, tasks[PIDTYPE_PGID].first);
	struct turns turns;
	__u64 gone, useless;
	int answer = -1;

	begin_turns(&turns, MAX_GROUP_WALK);
	do {
		if (was_last_turn(&turns))
			break;
		if (!at) {
			answer = 1;
			break;
		}
		member = at - bpf_core_field_offset(struct task_struct, pid_links) -
			 PIDTYPE_PGID * bpf_core_type_size(struct hlist_node);
		parent = BPF_CORE_READ(member, real_parent);
		gone = is_zero(BPF_CORE_READ(member, exit_state)) ^ 1;
		useless = gone & is_zero(BPF_CORE_READ(member, signal, nr_threads) - 1);
		useless |= is_zero(BPF_CORE_READ(parent, tgid) - 1);
		useless |= is_zero((__u64)BPF_CORE_READ(parent, signal, pids[PIDTYPE_PGID]) -
				   (__u64)group);
		useless |= (__u64)BPF_CORE_READ(parent, signal, pids[PIDTYPE_SID]) ^ (__u64)session;
		if (!useless) {
			answer = 0;
			break;
		}
		at = (void *)BPF_CORE_READ((struct hlist_node *)at, next);
	} while (next_turn(&turns, MAX_GROUP_WALK));
	end_turns(&turns);
	return answer;
}

/* get_signal() in kernel/signal.c, from the tracepoint on. */
static __always_inline enum sigsnoop_action action_of(struct task_struct *task, int signo,
						      __u64 handler)
{
	int orphaned = 0;

	if (handler > 1)
		return SIGSNOOP_ACTION_HANDLER;
	if (handler == 1 || in_set(BIT(17) | BIT(18) | BIT(23) | BIT(28), signo))
		return SIGSNOOP_ACTION_IGNORE;
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_UNKILLABLE && signo != SIGSTOP)
		return SIGSNOOP_ACTION_IGNORE;
	if (signo >= SIGTSTP && signo <= SIGTTOU)
		orphaned = is_orphaned((__u64)task);
	else if (signo != SIGSTOP)
		return SIGSNOOP_ACTION_DEFAULT;
	if (orphaned < 0)
		return SIGSNOOP_ACTION_UNKNOWN;
	return orphaned ? SIGSNOOP_ACTION_IGNORE : SIGSNOOP_ACTION_STOP;
}

/* Whether an end without a known send may be told: what a filter says of senders is not known. */
static __always_inline bool unlinked_wanted(struct task_struct *task, int signo)
{
	return settings.unlinked && signal_wanted(signo) && target_wanted(task, NULL, false, DIRECT) &&
	       follow_wanted(NULL, task);
}

/* It goes with its send; by itself where that is not known, or was to another and left out. */
static __always_inline bool end_wanted(struct task_struct *task, int signo, struct link_end *send)
{
	if (send->id && !(send->flags & LINK_FILTERED))
		return true;
	if (send->flags & LINK_FILTERED && !(send->flags & LINK_PARENT))
		return false;
	return unlinked_wanted(task, signo);
}

/* Of a signal that the kernel made and that ends nothing, the default scope tells nothing either. */
static __always_inline bool kernels_own(int si_code)
{
	return si_code > 0 || si_code == SI_TIMER;
}

static __always_inline void tell_send(struct sigsnoop_end *end, struct link_end *send)
{
	if (send->flags & LINK_LOST) {
		end->no_send = SIGSNOOP_NO_SEND_LOST;
	} else if (send->flags & LINK_UNSURE) {
		end->no_send = SIGSNOOP_NO_SEND_UNKNOWN;
	} else if (send->flags & LINK_NOTHING) {
		end->no_send = SIGSNOOP_NO_SEND_NONE;
	} else {
		if (send->flags & LINK_PARENT)
			end->no_send = SIGSNOOP_NO_SEND_PARENT;
		/* Of one to the parent that was left out this alone is told. */
		if (send->flags & LINK_FILTERED)
			return;
		end->send_id = send->id;
		end->delay_ns = end->boot_ns - send->boot_ns;
	}
}

/*
 * Whether it cannot be told where it comes from. A debugger can pass on a signal that nobody sent,
 * or hold one back; what it makes up looks as if it had sent it. A fork passes on what it does not
 * tell (`inherited`: so it may be). And POSIX timers' signals wait beside others of their number.
 */
static __always_inline bool is_unsure(struct task_struct *task, __u64 info, int signo, int si_code,
				      bool found, bool inherited)
{
	if (BPF_CORE_READ(task, ptrace))
		return !found || (si_code == SI_USER && by_debugger((__u64)task, info));
	if (found)
		return false;
	return inherited || (signo < FIRST_REAL_TIME &&
			     (pending_in(own_queue(task), signo) ||
			      pending_in(shared_queue(BPF_CORE_READ(task, signal)), signo)));
}

/* Arguments: sig, info, ka. In the thread that takes it. */
SEC("?raw_tp/signal_deliver")
int deliver(__u64 *ctx)
{
	/* The same, as a number that goes with functions, and as the verifier knows it. */
	struct task_struct *task = (void *)bpf_get_current_task(), *current = current_task();
	struct kernel_siginfo *info = (void *)ctx[1];
	struct k_sigaction *act = (void *)ctx[2];
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	__u64 started_ns = start_of(current, DIRECT);
	struct link_end send = {};
	enum sigsnoop_action action;
	struct link_key key;
	struct sigsnoop_end *end;
	int signo = ctx[0], si_code;
	bool found, from_nobody;

	/*
	 * Every thread of a process that ends or executes takes one; a SIGKILL that
	 * was sent is told at the death. 5.10 and others pass no siginfo with it.
	 */
	if (live.phase != SIGSNOOP_TRACING || signo == SIGKILL || ctx[1] <= SEND_SIG_PRIV)
		return 0;
	si_code = BPF_CORE_READ(info, si_code);
	action = action_of(task, signo, (__u64)BPF_CORE_READ(act, sa.sa_handler));
	found = delivered_send(task, signo, si_code, &send);
	from_nobody = si_code == SI_USER && !BPF_CORE_READ(info, _sifields._kill._pid);
	if (!found && (si_code == SI_TIMER || from_nobody)) {
		found = si_code == SI_TIMER ? take_aside((__u64)task, signo, ctx[1])
					    : take_passed_on((__u64)task, signo);
		if (found)
			copy_taken(&send);
	}
	if (is_unsure(task, ctx[1], signo, si_code, found,
		      from_nobody && started_ns > live.began_ns))
		send.flags |= LINK_UNSURE;
	if (action == SIGSNOOP_ACTION_STOP) {
		key = (struct link_key){ (__u64)signal, LINK_CONTINUE, SIGCONT };
		drop_link(&key);
	}
	if (action == SIGSNOOP_ACTION_DEFAULT && (found || send.flags) &&
	    !doom(signal, started_ns, signo, &send)) {
		/* Two threads take one of a kind: either may have ended the process. */
		key = (struct link_key){ (__u64)signal, LINK_DOOM, signo };
		struct link *first = find_link(&key, started_ns);

		if (first)
			first->send.flags |= LINK_UNSURE;
	}
	/* With a send, left out is what was sent to the parent: the kernel's, in that scope. */
	if (!end_wanted(current, signo, &send) ||
	    (settings.kernel_if_fatal && action != SIGSNOOP_ACTION_DEFAULT &&
	     (found ? send.flags & LINK_FILTERED : kernels_own(si_code)))) {
		count(SIGSNOOP_DELIVERY_FILTERED);
		return 0;
	}
	end = bpf_ringbuf_reserve(&ring, sizeof(*end), 0);
	if (!end) {
		count(SIGSNOOP_DELIVERY_RING_FULL);
		return 0;
	}
	__builtin_memset(end, 0, sizeof(*end));
	end->type = SIGSNOOP_DELIVERY;
	end->signo = signo;
	end->boot_ns = bpf_ktime_get_boot_ns();
	end->action = action;
	describe(current, current, &end->target, DIRECT);
	if (found || send.flags)
		tell_send(end, &send);
	else
		end->no_send = SIGSNOOP_NO_SEND_UNSEEN;
	count(SIGSNOOP_DELIVERY_SUBMITTED);
	bpf_ringbuf_submit(end, wake_reader());
	return 0;
}

#endif
