/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which of the six calls the current thread is in, and its arguments, from the
 * registers that it saved on entering the kernel. Nothing is remembered for it.
 */
#ifndef SIGSNOOP_REGISTERS_BPF_H
#define SIGSNOOP_REGISTERS_BPF_H

#define PF_EXITING 0x4
#define PF_KTHREAD 0x200000

struct syscall {
	enum sigsnoop_origin origin;	/* NONE: not in one of the six */
	int number;
	bool compat;	/* a 32-bit caller, or x32 */
	int signo;
	int target_arg;
	int tgid_arg;
	unsigned int flags;
	__u64 info;	/* siginfo in the caller's memory, 0 where there is none */
};

/* How much stack a thread has in the kernel: THREAD_SIZE. */
#if defined(__TARGET_ARCH_x86)
static __always_inline __u64 thread_size(struct task_struct *task)
{
	return 16384;
}
#elif defined(__TARGET_ARCH_arm64)
/* A page where those have 64 KiB and stacks are mapped; another guards it, and is in the size. */
static __always_inline __u64 thread_size(struct task_struct *task)
{
	if (bpf_core_field_exists(task->stack_vm_area) &&
	    BPF_CORE_READ(task, stack_vm_area, size) >= 2 * 65536)
		return 65536;
	return 16384;
}
#endif

/* Of the current thread. 5.15, commit dd6e10fbd9fb (bpf: Add bpf_task_pt_regs() helper); before it, by address. */
static __always_inline struct pt_regs *saved_registers(struct task_struct *this)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___probe, BPF_FUNC_task_pt_regs))
		return (void *)bpf_task_pt_regs(this);
	/* Padding above the registers came in 6.9 only. */
	return (void *)BPF_CORE_READ(this, stack) + thread_size(this) -
	       bpf_core_type_size(struct pt_regs);
}

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT 2	/* arch/x86/include/asm/thread_info.h: a 32-bit system call */
#define X32_BIT 0x40000000
#define ENOSYS 38

static __always_inline enum sigsnoop_origin origin_of_call(int number, bool ia32)
{
	if (ia32) {
		switch (number) {
		case 37: return SIGSNOOP_ORIGIN_KILL;
		case 238: return SIGSNOOP_ORIGIN_TKILL;
		case 270: return SIGSNOOP_ORIGIN_TGKILL;
		case 178: return SIGSNOOP_ORIGIN_RT_SIGQUEUEINFO;
		case 335: return SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO;
		case 424: return SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL;
		}
		return SIGSNOOP_ORIGIN_NONE;
	}
	switch (number) {
	case 62:
	case X32_BIT | 62: return SIGSNOOP_ORIGIN_KILL;
	case 200:
	case X32_BIT | 200: return SIGSNOOP_ORIGIN_TKILL;
	case 234:
	case X32_BIT | 234: return SIGSNOOP_ORIGIN_TGKILL;
	case 129:
	case X32_BIT | 524: return SIGSNOOP_ORIGIN_RT_SIGQUEUEINFO;
	case 297:
	case X32_BIT | 536: return SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO;
	case 424:
	case X32_BIT | 424: return SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL;
	}
	return SIGSNOOP_ORIGIN_NONE;
}

static __always_inline void read_registers(struct pt_regs *regs, struct task_struct *task,
					   struct syscall *call, __u64 args[4], bool how)
{
	bool ia32 = READ(DIRECT, task, thread_info.status) & TS_COMPAT;

	call->number = READ(how, regs, orig_ax);
	call->compat = ia32 || call->number & X32_BIT;
	call->origin = origin_of_call(call->number, ia32);
	if (call->origin == SIGSNOOP_ORIGIN_NONE)
		return;
	args[0] = ia32 ? READ(how, regs, bx) : READ(how, regs, di);
	args[1] = ia32 ? READ(how, regs, cx) : READ(how, regs, si);
	/* Two are all that kill() and tkill() have, and a read is dearer than to ask. */
	if (call->origin < SIGSNOOP_ORIGIN_TGKILL)
		return;
	args[2] = READ(how, regs, dx);
	if (call->origin == SIGSNOOP_ORIGIN_TGKILL)
		return;
	args[3] = ia32 ? READ(how, regs, si) : READ(how, regs, r10);
}

/*
 * Whether the current thread's call has yet to return: all entries (64-bit, 32-bit, FRED) put
 * -ENOSYS where its result will stand. A debugger that writes there hides that.
 */
static __always_inline bool is_inside(struct task_struct *this)
{
	struct pt_regs *regs = CAST(pt_regs, saved_registers(this));

	return (long)READ(CASTS, regs, ax) == -ENOSYS;
}

/* write() and its kin, which are how cgroup.kill is written. */
static __always_inline bool is_write(struct syscall *call)
{
	if (call->compat)
		return call->number == 4 || call->number == 146 || call->number == 181;
	return call->number == 1 || call->number == 18 || call->number == 20 ||
	       call->number == 296 || call->number == 328 || call->number == 40 ||
	       call->number == 275 || call->number == 426;
}

#elif defined(__TARGET_ARCH_arm64)

#define PSR_MODE32_BIT 0x10	/* arch/arm64/include/uapi/asm/ptrace.h: of the processor's own */

static __always_inline enum sigsnoop_origin origin_of_call(int number, bool aarch32)
{
	switch (number) {
	case 424: return SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL;
	}
	if (aarch32) {
		switch (number) {
		case 37: return SIGSNOOP_ORIGIN_KILL;
		case 238: return SIGSNOOP_ORIGIN_TKILL;
		case 268: return SIGSNOOP_ORIGIN_TGKILL;
		case 178: return SIGSNOOP_ORIGIN_RT_SIGQUEUEINFO;
		case 363: return SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO;
		}
		return SIGSNOOP_ORIGIN_NONE;
	}
	switch (number) {
	case 129: return SIGSNOOP_ORIGIN_KILL;
	case 130: return SIGSNOOP_ORIGIN_TKILL;
	case 131: return SIGSNOOP_ORIGIN_TGKILL;
	case 138: return SIGSNOOP_ORIGIN_RT_SIGQUEUEINFO;
	case 240: return SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO;
	}
	return SIGSNOOP_ORIGIN_NONE;
}

static __always_inline void read_registers(struct pt_regs *regs, struct task_struct *task,
					   struct syscall *call, __u64 args[4], bool how)
{
	call->number = READ(how, regs, syscallno);
	call->compat = READ(how, regs, pstate) & PSR_MODE32_BIT;
	call->origin = origin_of_call(call->number, call->compat);
	if (call->origin == SIGSNOOP_ORIGIN_NONE)
		return;
	/* x0 holds the return value by the time of the exit. */
	args[0] = READ(how, regs, orig_x0);
	args[1] = READ(how, regs, regs[1]);
	args[2] = READ(how, regs, regs[2]);
	args[3] = READ(how, regs, regs[3]);
}

/* Nothing tells, so what follows a call is taken for a part of it. */
static __always_inline bool is_inside(struct task_struct *this)
{
	return true;
}

static __always_inline bool is_write(struct syscall *call)
{
	if (call->compat)
		return call->number == 4 || call->number == 146 || call->number == 181;
	return call->number == 64 || call->number == 66 || call->number == 68 ||
	       call->number == 70 || call->number == 287 || call->number == 71 ||
	       call->number == 76 || call->number == 426;
}

#endif

/* A 32-bit caller's pointer has 32 bits; the upper half of the register is anything. */
static __always_inline __u64 pointer_of(struct syscall *call, __u64 argument)
{
	return call->compat ? (__u32)argument : argument;
}

/* Fills all of call. The caller makes sure that the current thread has user registers. */
static __always_inline void current_syscall(struct task_struct *this, struct syscall *call)
{
	__u64 args[4] = {};

	*call = (struct syscall){};
	if (CASTS)
		read_registers(CAST(pt_regs, saved_registers(this)), this, call, args, true);
	else
		read_registers(saved_registers(this), this, call, args, false);
	call->target_arg = args[0];
	call->signo = args[1];
	switch (call->origin) {
	case SIGSNOOP_ORIGIN_TGKILL:
		call->tgid_arg = args[0];
		call->target_arg = args[1];
		call->signo = args[2];
		break;
	case SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO:
		call->tgid_arg = args[0];
		call->target_arg = args[1];
		call->signo = args[2];
		call->info = pointer_of(call, args[3]);
		break;
	case SIGSNOOP_ORIGIN_RT_SIGQUEUEINFO:
		call->info = pointer_of(call, args[2]);
		break;
	case SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL:
		call->info = pointer_of(call, args[2]);
		call->flags = args[3];
		break;
	default:
		break;
	}
}

/* 6.9, commit e1fb1dd55a6f (pidfd: allow to override signal scope in pidfd_send_signal()) */
#define PIDFD_SIGNAL_THREAD 1
#define PIDFD_SIGNAL_PROCESS_GROUP 4

/* One call, any number of recipients. */
static __always_inline bool is_group_send(struct syscall *call)
{
	if (call->origin == SIGSNOOP_ORIGIN_KILL)
		return call->target_arg <= 0;
	return call->origin == SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL &&
	       call->flags & PIDFD_SIGNAL_PROCESS_GROUP;
}

#endif
