// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts the tasks whose system calls all take the slow path, since some tracepoint is on one. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#if defined(__TARGET_ARCH_x86)
#define TIF_SYSCALL_TRACEPOINT 28	/* arch/x86/include/asm/thread_info.h, before 5.11 */
#elif defined(__TARGET_ARCH_arm64)
#define TIF_SYSCALL_TRACEPOINT 10	/* arch/arm64/include/asm/thread_info.h */
#endif
#define SYSCALL_WORK_SYSCALL_TRACEPOINT 2	/* include/linux/thread_info.h, a mask */

/* 5.11, commit 3136b93c3fb2 (entry: Expose helpers to migrate TIF to SYSCALL_WORK flags) */
struct thread_info___work {
	unsigned long flags;
	unsigned long syscall_work;
} __attribute__((preserve_access_index));

struct task_struct___work {
	struct thread_info___work thread_info;
} __attribute__((preserve_access_index));

struct tasks {
	__u64 all;
	__u64 slow;
} tasks;

SEC("iter/task")
int count_tasks(__u64 *ctx)
{
	/* The program's arguments: what is walked, and the task; NULL at the end. */
	struct task_struct___work *task = (void *)ctx[1];
	unsigned long slow;

	if (!task)
		return 0;
	if (bpf_core_field_exists(task->thread_info.syscall_work))
		slow = BPF_CORE_READ(task, thread_info.syscall_work) &
		       SYSCALL_WORK_SYSCALL_TRACEPOINT;
	else
		slow = BPF_CORE_READ(task, thread_info.flags) >> TIF_SYSCALL_TRACEPOINT & 1;
	tasks.all++;
	tasks.slow += !!slow;
	return 0;
}
