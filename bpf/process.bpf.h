/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes: who they are, in the initial, the tracer's and their own pid namespace. */
#ifndef SIGSNOOP_PROCESS_BPF_H
#define SIGSNOOP_PROCESS_BPF_H

/*
 * BPF_CORE_READ of a task that is itself a member of one of our own structures:
 * the macro would take that member for a kernel's, and have it relocated.
 */
#define READ_TASK(from, ...)                                                                       \
	({                                                                                         \
		struct task_struct *task_ = (from);                                                \
		BPF_CORE_READ(task_, __VA_ARGS__);                                                 \
	})

#define NUMBERS_ROOM 1024	/* 32 of 16 bytes: MAX_PID_NS_LEVEL, include/linux/pid_namespace.h */

/* The kernel's array of numbers ends where the process's own namespace does. */
static __always_inline struct upid *upid_at(struct pid *pid, __u64 level)
{
	return (void *)pid + bpf_core_field_offset(struct pid, numbers) +
	       BOUNDED(level * bpf_core_type_size(struct upid), NUMBERS_ROOM);
}

static __always_inline __u32 number_at(struct pid *pid, __u32 level)
{
	struct upid *upid = upid_at(pid, level);

	return BPF_CORE_READ(upid, nr);
}

/*
 * The level and the address of the tracer's namespace were learned once, so one
 * comparison replaces a walk over the namespaces. 0: not seen from there.
 */
static __always_inline __u32 number_for_tracer(struct pid *pid, bool how)
{
	struct upid *upid;

	if (!pid || READ(how, pid, level) < live.tracer_level)
		return 0;
	upid = upid_at(pid, live.tracer_level);
	if ((__u64)BPF_CORE_READ(upid, ns) != live.tracer_ns)
		return 0;
	return BPF_CORE_READ(upid, nr);
}

static __always_inline struct pid *process_of(struct task_struct *task, bool how)
{
	return READ(how, task, signal, pids[PIDTYPE_TGID]);
}

/* Numbers of the initial namespace are the tracer's own, mostly, and then lie in the task. */
static __always_inline __u32 pid_for_tracer(struct task_struct *task, bool how)
{
	if (!live.tracer_level)
		return READ(how, task, tgid);
	return number_for_tracer(process_of(task, how), how);
}

static __always_inline __u64 cgroup_id_of(struct task_struct *task, bool how)
{
	return READ(how, task, cgroups, dfl_cgrp, kn, id);
}

/* The real user id, as `ps` shows it, in the initial user namespace. */
static __always_inline __u32 uid_of(struct task_struct *task, bool how)
{
	return READ(how, task, real_cred, uid.val);
}

/* The first thread's, and with the pid it tells a process from a later one of that number. */
static __always_inline __u64 start_of(struct task_struct *task, bool how)
{
	return READ(how, task, group_leader, start_boottime);
}

/*
 * Fills every field: ring memory is not zeroed. `own` is the same task as the kernel hands
 * it out, where it does: what is read of it by a load needs no check of the address.
 */
static __always_inline void describe(struct task_struct *task, struct task_struct *own,
				     struct sigsnoop_process *process, bool how)
{
	struct task_struct *parent = READ(how, task, real_parent, group_leader);
	struct pid *thread = READ(how, task, thread_pid);
	/* A thread's namespace is its process's. */
	__u32 level = READ(how, thread, level);

	process->host_pid = READ(how, own, tgid);
	process->host_tid = READ(how, own, pid);
	process->parent_host_pid = READ(how, parent, tgid);
	process->pid = process->host_pid;
	process->tid = process->host_tid;
	process->ns_pid = process->host_pid;
	process->parent_pid = process->parent_host_pid;
	/* Numbers of the initial namespace are the tracer's own, mostly. */
	if (live.tracer_level) {
		process->pid = number_for_tracer(process_of(task, how), how);
		process->tid = number_for_tracer(thread, how);
		process->parent_pid = number_for_tracer(process_of(parent, how), how);
	}
	if (level)
		process->ns_pid = number_at(process_of(task, how), level);
	process->uid = uid_of(task, how);
	process->start_ns = start_of(task, how);
	process->cgroup_id = cgroup_id_of(task, how);
	READ_COMM(how, process->comm, own);
	READ_COMM(how, process->parent_comm, parent);
}

/*
 * Run once by the tracer itself (BPF_PROG_TEST_RUN), where current is the
 * caller: getpid() and /proc say nothing about where a namespace lies.
 *
 * Says whether its death could hang the kernel while function exits are attached. Where its
 * pid namespace is ended, the first process there waits for the tracer to be gone; the tracer
 * waits, as its links are closed, for each task to be at a point that the first does not come
 * to; and whoever attaches or detaches at functions thereafter waits with them. A kernel
 * without CONFIG_TASKS_RCU has no such wait.
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
	if (!level || bpf_core_field_exists(task->rcu_tasks_exit_list) ||
	    !bpf_core_field_exists(task->rcu_tasks_nvcsw))
		return 0;
	/* The first of a namespace closes its own links before it waits. */
	return level > 1 || number_at(process_of(task, false), 1) != 1;
}

#endif
