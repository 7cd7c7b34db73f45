/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the target stands to a signal at the moment that it is generated. */
#ifndef SIGSNOOP_FATE_BPF_H
#define SIGSNOOP_FATE_BPF_H

#define SIGNAL_UNKILLABLE 0x40	/* include/linux/sched/signal.h: an init of a pid namespace */

/* Beyond so many threads that block it, "every live thread" is not looked into. */
#define MAX_THREADS 256

#define SIGCHLD 17
#define SIGKILL 9
#define SIGSTOP 19

/* Signals whose default is not to end the process: CHLD CONT STOP TSTP TTIN TTOU URG WINCH. */
#define HARMLESS (1 << 17 | 1 << 18 | 1 << 19 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 28)

#define ACTIONS_ROOM 4096	/* 64 of 32 bytes: struct k_sigaction, include/linux/signal_types.h */

/*
 * What a thread blocks, signal 1 in bit 0. Who waits in sigwait() for a signal has it blocked,
 * and its default does nothing; but the kernel keeps that mask aside meanwhile.
 */
static __always_inline __u64 blocked_in(struct task_struct *task, bool how)
{
	return READ(how, task, blocked.sig[0]) | READ(how, task, real_blocked.sig[0]);
}

static __always_inline bool blocks(struct task_struct *task, int signo, bool how)
{
	return blocked_in(task, how) >> (signo - 1) & 1;
}

static __always_inline enum sigsnoop_disposition disposition_of(struct task_struct *task, int signo)
{
	void *sighand = READ(DIRECT, task, sighand);
	struct k_sigaction *action;
	__u64 handler, at;

	at = (__u64)sighand + bpf_core_field_offset(struct sighand_struct, action) +
		 BOUNDED((__u64)(signo - 1) * bpf_core_type_size(struct k_sigaction), ACTIONS_ROOM);
	action = CAST(k_sigaction, at);
	handler = (__u64)READ(CASTS, action, sa.sa_handler);
	/* SIG_DFL is 0, SIG_IGN is 1. */
	return handler > 1 ? SIGSNOOP_DISPOSITION_HANDLER : handler;
}

/*
 * For a process: whether every live thread blocks it. -1: too many threads to tell;
 * 2: there is no live thread, or the one it was sent to does not live.
 * A global function of plain numbers: the verifier checks its loop once and by
 * itself (5.6, commit 51c39bb1d5d1), in a hundredth of the time.
 */
__noinline int blocked_by(__u64 address, int signo, int group)
{
	struct task_struct *task = (void *)address;
	struct signal_struct *signal;
	struct list_head *head, *at;
	struct task_struct *thread;
	struct turns turns;
	__u64 deaf, exiting, live = 0;
	int answer = -1;

	/* An exiting thread takes no signal, and its mask says nothing, of the others neither. */
	exiting = BPF_CORE_READ(task, flags) & PF_EXITING;
	if (!group)
		return exiting ? 2 : blocks(task, signo, false);
	if (!exiting && !blocks(task, signo, false))
		return 0;
	signal = BPF_CORE_READ(task, signal);
	head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	at = BPF_CORE_READ(head, next);
	begin_turns(&turns, MAX_THREADS);
	do {
		if (was_last_turn(&turns))
			break;
		if (at == head) {
			answer = live ? 1 : 2;
			break;
		}
		thread = (void *)at - bpf_core_field_offset(struct task_struct, thread_node);
		/* As one number: the verifier follows both ways of each branch, at every turn. */
		exiting = BPF_CORE_READ(thread, flags) & PF_EXITING;
		live |= ~exiting & PF_EXITING;
		deaf = exiting;
		deaf |= blocked_in(thread, false) & 1ULL << (signo - 1);
		if (!deaf) {
			answer = 0;
			break;
		}
		at = BPF_CORE_READ(at, next);
	} while (next_turn(&turns, MAX_THREADS));
	end_turns(&turns);
	return answer;
}

/*
 * The default of an init of a pid namespace does not stand, but for a KILL or
 * STOP from outside, which alone are not ignored (kernel/signal.c, get_signal).
 * A fault takes the shield away before its signal is generated.
 */
static __always_inline bool shielded(struct task_struct *task, int signo, int result)
{
	if (!(READ(DIRECT, task, signal, flags) & SIGNAL_UNKILLABLE))
		return false;
	return (signo != SIGKILL && signo != SIGSTOP) || result == SIGSNOOP_RESULT_IGNORED;
}

/* Whether the default ends the process, and the default is what stands. */
static __always_inline bool ends_process(struct task_struct *task, int signo, int result,
					 enum sigsnoop_disposition disposition)
{
	if (signo < 32 && HARMLESS >> signo & 1)
		return false;
	return disposition == SIGSNOOP_DISPOSITION_DEFAULT && !shielded(task, signo, result);
}

static __always_inline void tell_fate(struct sigsnoop_send *send, struct generated *g,
				      struct task_struct *task)
{
	enum sigsnoop_disposition disposition = disposition_of(task, g->signo);
	int blocked;

	RECALL(g->blocked) = 0;
	/* A thread that takes it answers for its process, unless it exits. */
	if (blocks(task, g->signo, DIRECT) || READ(DIRECT, task, flags) & PF_EXITING)
		RECALL(g->blocked) = blocked_by(g->task, g->signo, g->group);
	blocked = RECALL(g->blocked);
	send->disposition = disposition;
	send->blocked = blocked == 1;
	send->known |= SIGSNOOP_KNOWN_GENERATED;
	if (blocked >= 0)
		send->known |= SIGSNOOP_KNOWN_BLOCKED;
	/* What reaches a zombie ends nothing: 5.10 keeps it for ever, newer kernels ignore it. */
	send->fatal = blocked != 2 && ends_process(task, g->signo, g->result, disposition);
}

#endif
