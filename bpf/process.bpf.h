/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes and their numbers, as the initial and the tracer's pid namespace see them. */
#ifndef SIGSNOOP_PROCESS_BPF_H
#define SIGSNOOP_PROCESS_BPF_H

/* The kernel's array of numbers ends where the process's own namespace does. */
static __always_inline struct upid *upid_at(struct pid *pid, __u32 level)
{
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid);
}

/*
 * The level and the address of the tracer's namespace were learned once, so one
 * comparison replaces a walk over the namespaces. 0: not seen from there.
 */
static __always_inline __u32 number_for_tracer(struct pid *pid)
{
	struct upid *upid;

	if (!pid || BPF_CORE_READ(pid, level) < live.tracer_level)
		return 0;
	upid = upid_at(pid, live.tracer_level);
	if ((__u64)BPF_CORE_READ(upid, ns) != live.tracer_ns)
		return 0;
	return BPF_CORE_READ(upid, nr);
}

static __always_inline struct pid *process_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
}

/* Fills every field: ring memory is not zeroed. */
static __always_inline void describe_current(struct sigsnoop_process *process)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 host = bpf_get_current_pid_tgid();

	process->host_pid = host >> 32;
	process->host_tid = host;
	process->pid = number_for_tracer(process_of(task));
	process->tid = number_for_tracer(BPF_CORE_READ(task, thread_pid));
	process->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(process->comm, sizeof(process->comm));
}

/*
 * Run once by the tracer itself (BPF_PROG_TEST_RUN), where current is the
 * caller: getpid() and /proc say nothing about where a namespace lies.
 */
SEC("?raw_tp")
int learn_tracer(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid = upid_at(pid, level);

	live.tracer_level = level;
	live.tracer_ns = (__u64)BPF_CORE_READ(upid, ns);
	return 0;
}

#endif
