// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Remember a call at enter, by thread; complete it at exit; hand over one record.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "sigsnoop.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct sigsnoop_settings settings SEC(".rodata.settings") = {
	.layout = SIGSNOOP_LAYOUT,
};

struct sigsnoop_live live;

/* A slot for each CPU, resized at load; user space maps it, and sums. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sigsnoop_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} ring SEC(".maps");

/* What is known of a call until it returns. */
struct call {
	int signo;
	int target_arg;
};

/* Calls in progress, by thread: a thread is in one call at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct call);
} calls SEC(".maps");

static __always_inline void count(enum sigsnoop_counter which)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sigsnoop_counters *slot = bpf_map_lookup_elem(&counters, &cpu);

	/* Atomic, since a program can be preempted by another on its CPU. */
	if (slot)
		__sync_fetch_and_add(&slot->n[which], 1);
}

#include "process.bpf.h"
#include "filter.bpf.h"
#include "original.bpf.h"

SEC("?tracepoint/syscalls/sys_enter_kill")
int enter_kill(struct trace_event_raw_sys_enter *ctx)
{
	struct call call = {
		.target_arg = ctx->args[0],
		.signo = ctx->args[1],
	};
	__u32 tid = bpf_get_current_pid_tgid();

	if (live.phase != SIGSNOOP_TRACING)
		return 0;
	if (!signal_wanted(call.signo) || !target_wanted(call.target_arg) || !sender_wanted()) {
		count(SIGSNOOP_FILTERED);
		count(SIGSNOOP_ENTER_REFUSED);
		return 0;
	}
	if (!bpf_map_update_elem(&calls, &tid, &call, BPF_NOEXIST)) {
		count(SIGSNOOP_REMEMBERED);
		return 0;
	}
	/* Still there: the kernel skipped the exit program of this thread's last call. */
	if (bpf_map_lookup_elem(&calls, &tid)) {
		bpf_map_update_elem(&calls, &tid, &call, BPF_ANY);
		count(SIGSNOOP_EXIT_MISSED);
		count(SIGSNOOP_REMEMBERED);
		return 0;
	}
	count(SIGSNOOP_TABLE_FULL);
	count(SIGSNOOP_ENTER_REFUSED);
	return 0;
}

SEC("?tracepoint/syscalls/sys_exit_kill")
int exit_kill(struct trace_event_raw_sys_exit *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct sigsnoop_send *send;
	struct call *call;

	if (live.phase == SIGSNOOP_IDLE)
		return 0;
	call = bpf_map_lookup_elem(&calls, &tid);
	if (!call) {
		/* While draining, this is also every call that enter no longer takes. */
		if (live.phase == SIGSNOOP_TRACING)
			count(SIGSNOOP_EXIT_UNKNOWN);
		return 0;
	}
	count(SIGSNOOP_COMPLETED);
	if (settings.failed_only && ctx->ret >= 0) {
		count(SIGSNOOP_FILTERED);
		goto forget;
	}
	send = bpf_ringbuf_reserve(&ring, sizeof(*send), 0);
	if (!send) {
		count(SIGSNOOP_RING_FULL);
		goto forget;
	}
	send->type = SIGSNOOP_SEND;
	send->origin = SIGSNOOP_ORIGIN_KILL;
	send->boot_ns = bpf_ktime_get_boot_ns();
	send->signo = call->signo;
	send->target_arg = call->target_arg;
	send->ret = ctx->ret;
	describe_current(&send->sender);
	bpf_ringbuf_submit(send, 0);
	count(SIGSNOOP_SUBMITTED);
forget:
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}
