/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stack of the thread in which a send happens, on request: the kernel's for
 * its own signals, and where the thread is one that sent or faulted, its own.
 *
 * A program without frame pointers shows only its innermost function to the
 * kernel. So what lies on the stack goes along, a bounded part of it, and user
 * space walks it by the program's own tables. Addresses and build ids are both
 * told: the ids name a file still when the process has ended.
 */
#ifndef SIGSNOOP_STACK_BPF_H
#define SIGSNOOP_STACK_BPF_H

/* A read is whole or nothing; in steps, the last page of a stack is not missed. */
#define MEMORY_STEP 256

enum stack_part {
	USER_STACK = 1,
	KERNEL_STACK = 2,
};

static __always_inline void read_frame_registers(struct pt_regs *regs, struct sigsnoop_stack *stack)
{
#if defined(__TARGET_ARCH_x86)
	stack->sp = BPF_CORE_READ(regs, sp);
	stack->bp = BPF_CORE_READ(regs, bp);
	stack->lr = 0;
#elif defined(__TARGET_ARCH_arm64)
	stack->sp = BPF_CORE_READ(regs, sp);
	stack->bp = BPF_CORE_READ(regs, regs[29]);
	stack->lr = BPF_CORE_READ(regs, regs[30]);
#endif
}

static __always_inline void read_user_stack(void *ctx, struct task_struct *task,
					    struct sigsnoop_stack *stack)
{
	struct pt_regs *regs = saved_registers(this_thread());
	__u32 known = 0;
	long size;

	size = bpf_get_stack(ctx, stack->user, sizeof(stack->user), BPF_F_USER_STACK);
	if (size <= 0)
		return;
	stack->user_count = size / sizeof(__u64);
	size = bpf_get_stack(ctx, stack->ids, sizeof(stack->ids),
			     BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	if (size > 0)
		stack->id_count = size / (SIGSNOOP_STACK_IDS / SIGSNOOP_USER_FRAMES);
	stack->start_code = BPF_CORE_READ(task, mm, start_code);
	stack->start_stack = BPF_CORE_READ(task, mm, start_stack);
	stack->exe_inode = BPF_CORE_READ(task, mm, exe_file, f_inode, i_ino);
	stack->exe_device = BPF_CORE_READ(task, mm, exe_file, f_inode, i_sb, s_dev);
	read_frame_registers(regs, stack);
#pragma unroll
	for (int i = 0; i < SIGSNOOP_STACK_MEMORY; i += MEMORY_STEP) {
		if (bpf_probe_read_user(stack->memory + i, MEMORY_STEP, (void *)stack->sp + i))
			break;
		known = i + MEMORY_STEP;
	}
	stack->memory_size = known;
}

/*
 * Hands over the current thread's stack, before the send that it belongs to: 1, or
 * 0 where it found no room. bpf_get_stack() wants the program's own context.
 */
static __noinline int tell_stack(void *ctx, __u64 key, __u64 boot_ns, enum stack_part parts)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sigsnoop_stack *stack;
	long size;

	stack = bpf_ringbuf_reserve(&ring, sizeof(*stack), 0);
	if (!stack)
		return 0;
	__builtin_memset(stack, 0, offsetof(struct sigsnoop_stack, kernel));
	stack->type = SIGSNOOP_STACK;
	stack->key = key;
	stack->boot_ns = boot_ns;
	stack->pid = pid_for_tracer(task, false);
	stack->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	bpf_get_current_comm(stack->comm, sizeof(stack->comm));
	if (parts & KERNEL_STACK) {
		size = bpf_get_stack(ctx, stack->kernel, sizeof(stack->kernel), 0);
		if (size > 0)
			stack->kernel_count = size / sizeof(__u64);
	}
	/* A thread of the kernel has no user stack, and one that exits has none any more. */
	if (parts & USER_STACK && BPF_CORE_READ(task, mm) &&
	    !(BPF_CORE_READ(task, flags) & PF_KTHREAD))
		read_user_stack(ctx, task, stack);
	bpf_ringbuf_submit(stack, WAKE_NOBODY);
	return 1;
}

/* With the send itself in hand: loss counts only of sends that are told. */
static __always_inline void note_stack(struct sigsnoop_send *send, __u32 told)
{
	if (!settings.stacks)
		return;
	send->companions += told;
	if (!told)
		count(SIGSNOOP_STACK_RING_FULL);
}

#endif
