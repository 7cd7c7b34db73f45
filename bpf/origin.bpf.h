/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a signal comes from, decided by what was seen: the call that the current
 * thread is in, the siginfo, and what the thread was doing. Whoever happened to
 * be running is not a sender: only a process whose call it is, or that the
 * kernel itself names in the siginfo.
 */
#ifndef SIGSNOOP_ORIGIN_BPF_H
#define SIGSNOOP_ORIGIN_BPF_H

/* The siginfo pointer can be one of two numbers: include/linux/sched/signal.h. */
#define SEND_SIG_NOINFO 0	/* as from the current process */
#define SEND_SIG_PRIV 1		/* from the kernel, which names nobody */

#define SI_USER 0
#define SI_KERNEL 0x80
#define SI_TIMER -2
#define SI_MESGQ -3
#define SI_ASYNCIO -4
#define SI_SIGIO -5
#define SI_TKILL -6

#define CLD_EXITED 1
#define CLD_CONTINUED 6
#define POLL_IN 1
#define POLL_HUP 6

#define RLIMIT_CPU 0
#define RLIMIT_RTTIME 15

#define BIT(signo) (1u << (signo))

/* Raised by what a thread itself does (SYNCHRONOUS_MASK): ILL TRAP BUS FPE SEGV SYS. */
#define SYNCHRONOUS (BIT(4) | BIT(5) | BIT(7) | BIT(8) | BIT(11) | BIT(31))
/* Sent to a terminal's processes: HUP INT QUIT CONT TSTP TTIN TTOU WINCH. */
#define TERMINAL (BIT(1) | BIT(2) | BIT(3) | BIT(18) | BIT(20) | BIT(21) | BIT(22) | BIT(28))
/* Interval timers and the CPU time limit: ALRM XCPU VTALRM PROF. */
#define TIMERS (BIT(14) | BIT(24) | BIT(26) | BIT(27))
/* Asynchronous I/O, out-of-band data: URG IO. */
#define INPUT (BIT(23) | BIT(29))

#define SIGBUS 7
#define SIGPIPE 13
#define SIGIO 29

static __always_inline bool by_call(enum sigsnoop_origin origin)
{
	return origin < SIGSNOOP_FIRST_KERNEL_ORIGIN;
}

static __always_inline bool in_set(__u32 set, int signo)
{
	return signo < 32 && set >> signo & 1;
}

static __always_inline bool has_info(struct generated *g)
{
	return g->info > SEND_SIG_PRIV;
}

static __always_inline void read_code(struct generated *g, struct kernel_siginfo *info)
{
	if (has_info(g))
		g->si_code = READ(DIRECT, info, si_code);
	else
		g->si_code = g->info == SEND_SIG_PRIV ? SI_KERNEL : SI_USER;
}

/*
 * The code that a call's own siginfo has. What a thread meets on the way out of a
 * kill (no stack for the handler, a stop by its debugger) has another, but for the
 * calls whose caller writes it: there the kernel allows 0 and above to itself only,
 * and then the registers say whether the call is still at work.
 */
static __always_inline bool has_code_of_call(struct generated *g, struct task_struct *this)
{
	switch (g->call.origin) {
	case SIGSNOOP_ORIGIN_KILL:
		return g->si_code == SI_USER;
	case SIGSNOOP_ORIGIN_TKILL:
	case SIGSNOOP_ORIGIN_TGKILL:
		return g->si_code == SI_TKILL;
	default:
		return g->si_code <= SI_USER || (g->own && is_inside(this));
	}
}

/*
 * orig_ax alone does not tell: it stays that of kill while a process that killed
 * itself dies, and interrupts arrive inside a kill. The siginfo of all six calls
 * lies on the caller's stack; kernel 7.3's kill passes NOINFO instead. So does what
 * a traced thread puts back into its queue on its way out (ptrace_signal()), with
 * the code that it had: to itself, when its call has returned.
 */
static __always_inline bool sent_by(struct generated *g, struct task_struct *current,
				    struct task_struct *this)
{
	struct syscall *call = &g->call;

	if (call->origin == SIGSNOOP_ORIGIN_NONE || call->signo != g->signo ||
	    g->current_flags & PF_EXITING || !has_code_of_call(g, this))
		return false;
	if (has_info(g))
		return g->info - (__u64)READ(DIRECT, current, stack) < thread_size(current) &&
		       (!g->own_thread || is_inside(this));
	return g->info == SEND_SIG_NOINFO && call->origin == SIGSNOOP_ORIGIN_KILL;
}

/* A process's or thread's number in a namespace at its level there; 0: not seen from there. */
static __always_inline __u32 number_in(struct pid *pid, __u32 level, struct pid_namespace *ns,
					  bool how)
{
	struct upid *upid;

	if (!pid || READ(how, pid, level) < level)
		return 0;
	upid = upid_at(pid, level);
	return BPF_CORE_READ(upid, ns) == ns ? BPF_CORE_READ(upid, nr) : 0;
}

/*
 * Whether a siginfo names a child of the target that ends with this signal: clone() lets it be
 * any. A global function of plain numbers, as blocked_by() is and for the same reason.
 */
__noinline int names_child(__u64 target, __u64 siginfo, int signo)
{
	struct task_struct *task = (void *)target, *child;
	struct kernel_siginfo *info = (void *)siginfo;
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *upid = upid_at(pid, BPF_CORE_READ(pid, level));

	pid = find_pid(BPF_CORE_READ(upid, ns), BPF_CORE_READ(info, _sifields._sigchld._pid));
	child = task_of(pid, PIDTYPE_PID);
	return child && BPF_CORE_READ(child, flags) & PF_EXITING &&
	       BPF_CORE_READ(child, exit_signal) == signo &&
	       BPF_CORE_READ(child, real_parent, tgid) == BPF_CORE_READ(task, tgid);
}

/* It tells of a child that exits, or stops or continues. */
static __always_inline bool is_child(struct generated *g)
{
	if (g->si_code < CLD_EXITED || g->si_code > CLD_CONTINUED)
		return false;
	return g->signo == SIGCHLD || names_child(g->task, g->info, g->signo);
}

static __always_inline enum sigsnoop_origin with_info(struct generated *g)
{
	if (g->si_code == SI_TIMER)
		return SIGSNOOP_ORIGIN_TIMER;
	if (g->si_code == SI_MESGQ || g->si_code == SI_ASYNCIO || g->si_code == SI_SIGIO)
		return SIGSNOOP_ORIGIN_IO;
	if (is_child(g))
		return SIGSNOOP_ORIGIN_CHILD;
	/* Broken memory (BUS_MCEERR_AO) is told to processes that did not touch it. */
	if (g->si_code > 0 && in_set(SYNCHRONOUS, g->signo) && (g->own || g->signo == SIGBUS))
		return SIGSNOOP_ORIGIN_FAULT;
	/* Where the codes of F_SETSIG's signal mean something else, it comes with SI_SIGIO. */
	if (g->si_code >= POLL_IN && g->si_code <= POLL_HUP && !in_set(SYNCHRONOUS, g->signo))
		return SIGSNOOP_ORIGIN_IO;
	return SIGSNOOP_ORIGIN_KERNEL;
}

/*
 * Beyond the hard limit of CPU time, or of what a real-time thread may run without
 * sleeping, the kernel kills; by the very figures that are read here.
 */
static __always_inline bool is_out_of_time(struct generated *g)
{
	struct task_struct *task = (void *)g->task;
	struct signal_struct *signal = (void *)g->signal;
	__u64 most = BPF_CORE_READ(signal, rlim[RLIMIT_CPU].rlim_max);
	__u64 used = BPF_CORE_READ(signal, cputimer.cputime_atomic.utime.counter) +
		     BPF_CORE_READ(signal, cputimer.cputime_atomic.stime.counter);

	if (!g->own_thread)
		return false;
	if (used / 1000000000 >= most)
		return true;
	/* None where it never was a real-time thread, whatever its limit. */
	used = BPF_CORE_READ(task, rt.timeout) * settings.tick_us;
	most = BPF_CORE_READ(signal, rlim[RLIMIT_RTTIME].rlim_max);
	return used && used >= most;
}

static __always_inline enum sigsnoop_origin from_kernel(struct generated *g)
{
	if (in_set(TIMERS, g->signo) || (g->signo == SIGKILL && is_out_of_time(g)))
		return SIGSNOOP_ORIGIN_TIMER;
	if (in_set(TERMINAL, g->signo))
		return SIGSNOOP_ORIGIN_TERMINAL;
	if (in_set(INPUT, g->signo))
		return SIGSNOOP_ORIGIN_IO;
	if (in_set(SYNCHRONOUS, g->signo) && g->own_thread)
		return SIGSNOOP_ORIGIN_FAULT;
	return SIGSNOOP_ORIGIN_KERNEL;
}

static __always_inline enum sigsnoop_origin as_from_current(struct generated *g,
							    struct task_struct *task)
{
	if (g->signo == SIGPIPE && g->own_thread)
		return SIGSNOOP_ORIGIN_PIPE;
	if (g->current_flags & PF_EXITING) {
		if (READ(DIRECT, task, pdeath_signal) == g->signo)
			return SIGSNOOP_ORIGIN_PARENT_DASH_DEATH;
		return SIGSNOOP_ORIGIN_KERNEL;
	}
	/* TIOCNOTTY, by which a session's leader gives up its terminal. */
	if (in_set(TERMINAL, g->signo))
		return SIGSNOOP_ORIGIN_TERMINAL;
	/* 5.14, commit 661ee6280931 (cgroup: introduce cgroup.kill): to a task, not to a process. */
	if (g->signo == SIGKILL && !g->group && is_write(&g->call))
		return SIGSNOOP_ORIGIN_CGROUP_DOT_KILL;
	return SIGSNOOP_ORIGIN_KERNEL;
}

static __always_inline enum sigsnoop_origin origin_of(struct generated *g,
						      struct task_struct *task,
						      struct task_struct *current,
						      struct task_struct *this)
{
	if (sent_by(g, current, this))
		return g->call.origin;
	if (has_info(g))
		return with_info(g);
	if (g->info == SEND_SIG_PRIV)
		return from_kernel(g);
	return as_from_current(g, task);
}

/*
 * The child that a SIGCHLD tells of, as its siginfo names it, in numbers of the target's pid
 * namespace: the current thread or its process, mostly. But a zombie of a parent that ends is
 * told of by that parent, and one that a debugger reaped by the debugger; then it is looked for.
 */
static __always_inline void find_child(struct generated *g, struct task_struct *task,
				       struct task_struct *current)
{
	struct kernel_siginfo *info = (void *)g->info;
	struct pid *pid = READ(DIRECT, task, thread_pid);
	__u32 level = READ(DIRECT, pid, level), child;
	struct upid *upid = upid_at(pid, level);
	struct pid_namespace *ns = BPF_CORE_READ(upid, ns);

	child = BPF_CORE_READ(info, _sifields._sigchld._pid);
	if (number_in(READ(DIRECT, current, thread_pid), level, ns, DIRECT) == child ||
	    number_in(process_of(current, DIRECT), level, ns, DIRECT) == child)
		return;
	RECALL(g->by_current) = false;
	if (child)
		g->child = (__u64)task_of(find_pid(ns, child), PIDTYPE_PID);
}

/*
 * Whether the current process is the sender: by its call, or by the kernel's own siginfo. Of a
 * child, find_child() has the last word.
 */
static __always_inline bool sender_is_current(struct generated *g, enum sigsnoop_origin origin)
{
	switch (origin) {
	case SIGSNOOP_ORIGIN_IO:
		/* Of a message that came, the siginfo names who sent it. */
		return has_info(g) && g->si_code == SI_MESGQ;
	case SIGSNOOP_ORIGIN_TERMINAL:
		/* A session's leader that gives up its terminal; all else comes as from nobody. */
		return g->info == SEND_SIG_NOINFO;
	case SIGSNOOP_ORIGIN_KERNEL:
		/* SIGXFSZ: like SIGPIPE from the target itself. */
		return g->info == SEND_SIG_NOINFO && g->own_thread;
	case SIGSNOOP_ORIGIN_CHILD:
	case SIGSNOOP_ORIGIN_PIPE:
	case SIGSNOOP_ORIGIN_CGROUP_DOT_KILL:
	case SIGSNOOP_ORIGIN_PARENT_DASH_DEATH:
		return true;
	default:
		return by_call(origin);
	}
}

#endif
