/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The program that all this grew from, kept as it was: kill(2) remembered at
 * enter by thread, printed at exit. Loaded by --trace-pipe and never otherwise,
 * since loading a program that prints writes a warning into the kernel log.
 */
#ifndef SIGSNOOP_ORIGINAL_BPF_H
#define SIGSNOOP_ORIGINAL_BPF_H

struct event {
	unsigned pid;
	unsigned tpid;
	int sig;
	int ret;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct event);
} values SEC(".maps");

SEC("?tracepoint/syscalls/sys_enter_kill")
int kill_entry(struct trace_event_raw_sys_enter *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tid = pid_tgid;
	struct event event = {
		.pid = pid_tgid >> 32,
		.tpid = ctx->args[0],
		.sig = ctx->args[1],
	};

	bpf_get_current_comm(event.comm, sizeof(event.comm));
	bpf_map_update_elem(&values, &tid, &event, BPF_ANY);
	return 0;
}

SEC("?tracepoint/syscalls/sys_exit_kill")
int kill_exit(struct trace_event_raw_sys_exit *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct event *event = bpf_map_lookup_elem(&values, &tid);

	if (!event)
		return 0;
	event->ret = ctx->ret;
	/* Two pieces: bpf_trace_printk takes three arguments at most. */
	bpf_printk("PID %d (%s) sent signal %d ", event->pid, event->comm, event->sig);
	bpf_printk("to PID %d, ret = %d", event->tpid, event->ret);
	bpf_map_delete_elem(&values, &tid);
	return 0;
}

#endif
