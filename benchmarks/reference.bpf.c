// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the kernel's own share of tracing costs, and what other ways would cost: programs with
 * as little in them as each needs, attached a set at a time by reference.py. The name of a
 * program is its set's, then the call's.
 */
#include "../bpf/vmlinux.h"
/* bpf_tracing.h then takes registers by the kernel's names. */
#define __VMLINUX_H__
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* As the original remembers and prints it. */
struct event {
	unsigned pid;
	unsigned tpid;
	int sig;
	int ret;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct event);
} values SEC(".maps");

/* Records that found no room: with any, the run counts for nothing. */
__u64 dropped;

static __always_inline struct event *reserve(void)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		__sync_fetch_and_add(&dropped, 1);
	return event;
}

static __always_inline void fill(struct event *event, int target, int signo, int ret)
{
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->tpid = target;
	event->sig = signo;
	event->ret = ret;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

#define SIX(of)                                                                                    \
	of(kill)                                                                                   \
	of(tkill)                                                                                  \
	of(tgkill)                                                                                 \
	of(rt_sigqueueinfo)                                                                        \
	of(rt_tgsigqueueinfo)                                                                      \
	of(pidfd_send_signal)

#define ENTER(set, name)                                                                           \
	SEC("?tracepoint/syscalls/sys_enter_" #name)                                               \
	int set##_enter_##name(struct trace_event_raw_sys_enter *ctx)
#define EXIT(set, name)                                                                            \
	SEC("?tracepoint/syscalls/sys_exit_" #name)                                                \
	int set##_exit_##name(struct trace_event_raw_sys_exit *ctx)

/* Nothing, where a call returns. */
#define ONE_END(name) EXIT(one_end, name) { return 0; }
SIX(ONE_END)

/* Nothing, at both ends. */
#define BOTH_ENDS(name) ENTER(both_ends, name) { return 0; } EXIT(both_ends, name) { return 0; }
SIX(BOTH_ENDS)

/* A record with nothing in it, that wakes nobody. */
static __always_inline int submit_empty(void)
{
	struct event *event = reserve();

	if (event)
		bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

#define ONE_RECORD(name) EXIT(one_record, name) { return submit_empty(); }
SIX(ONE_RECORD)

#define BOTH_RECORD(name)                                                                          \
	ENTER(both_record, name) { return 0; }                                                     \
	EXIT(both_record, name) { return submit_empty(); }
SIX(BOTH_RECORD)

/* Remembered at enter by thread, completed at exit: as the original, but into a ring. */
static __always_inline int remember(struct trace_event_raw_sys_enter *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct event event = {};

	fill(&event, ctx->args[0], ctx->args[1], 0);
	bpf_map_update_elem(&values, &tid, &event, BPF_ANY);
	return 0;
}

static __always_inline int complete(struct trace_event_raw_sys_exit *ctx, __u64 flags)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct event *kept = bpf_map_lookup_elem(&values, &tid), *event;

	if (!kept)
		return 0;
	event = reserve();
	if (event) {
		*event = *kept;
		event->ret = ctx->ret;
		bpf_ringbuf_submit(event, flags);
	}
	bpf_map_delete_elem(&values, &tid);
	return 0;
}

#define HASH(name)                                                                                 \
	ENTER(hash, name) { return remember(ctx); }                                                \
	EXIT(hash, name) { return complete(ctx, BPF_RB_NO_WAKEUP); }
SIX(HASH)

/* The same, and the reader is woken for each. */
#define WAKING(name)                                                                               \
	ENTER(waking, name) { return remember(ctx); }                                              \
	EXIT(waking, name) { return complete(ctx, BPF_RB_FORCE_WAKEUP); }
SIX(WAKING)

/* One program, and the arguments from the registers that the thread saved. */
static __always_inline int from_registers(struct trace_event_raw_sys_exit *ctx)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct event *event = reserve();

	if (event) {
		fill(event, PT_REGS_PARM1_CORE_SYSCALL(regs), PT_REGS_PARM2_CORE_SYSCALL(regs),
		     ctx->ret);
		bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

#define REGISTERS(name) EXIT(registers, name) { return from_registers(ctx); }
SIX(REGISTERS)

/* No system call at all: the signal, where it is generated. */
SEC("?tp_btf/signal_generate")
int generated_record(__u64 *ctx)
{
	struct event *event = reserve();

	if (event) {
		fill(event, 0, ctx[0], ctx[4]);
		bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	}
	return 0;
}
