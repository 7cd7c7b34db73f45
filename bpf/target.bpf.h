/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whom a call names, where no signal shows it: the process behind a number of
 * the caller's pid namespace, or behind a pidfd, found as the kernel finds it.
 */
#ifndef SIGSNOOP_TARGET_BPF_H
#define SIGSNOOP_TARGET_BPF_H

#define ESRCH 3

/* include/linux/xarray.h: the low bits of an entry that is a node of the tree. */
#define XA_NODE_MASK 3
#define XA_NODE 2
#define XA_SLOTS 64

/*
 * A namespace's numbers are leaves of a radix tree, 6 bits a level; 22 bits make 4 levels.
 * The pid's address. A global function of plain numbers, as blocked_by() is and for the same reason.
 */
__noinline __u64 pid_in(__u64 namespace, __u32 number)
{
	struct pid_namespace *ns = CAST(pid_namespace, namespace);
	__u64 index = number - READ(CASTS, ns, idr.idr_base);
	/* By a helper: to the verifier a load would be a pointer, and an entry is more than that. */
	__u64 entry = (__u64)BPF_CORE_READ(ns, idr.idr_rt.xa_head);
	struct xa_node *node;
	void **slot;
	__u8 shift;

	for (int i = 0; i < 6; i++) {
		if ((entry & XA_NODE_MASK) != XA_NODE || entry <= 4096)
			break;
		node = CAST(xa_node, entry - XA_NODE);
		shift = READ(CASTS, node, shift);
		if (i == 0 && index >> shift >= XA_SLOTS)
			return 0;
		slot = (void *)(entry - XA_NODE) + bpf_core_field_offset(struct xa_node, slots) +
		       (index >> shift & (XA_SLOTS - 1)) * sizeof(void *);
		if (bpf_probe_read_kernel(&entry, sizeof(entry), slot))
			return 0;
		if (!shift)
			return entry;
	}
	/* A tree of one entry is that entry itself. */
	return index ? 0 : entry;
}

static __always_inline struct pid *find_pid(struct pid_namespace *ns, __u32 number)
{
	return (void *)pid_in((__u64)ns, number);
}

/* The first task of a pid in a role; NULL where it is gone. */
static __always_inline struct task_struct *task_of(struct pid *pid, enum pid_type type)
{
	void *first;

	if (!pid)
		return NULL;
	if (type == PIDTYPE_PID)
		first = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
	else
		first = BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first);
	if (!first)
		return NULL;
	return first - bpf_core_field_offset(struct task_struct, pid_links) -
	       type * bpf_core_type_size(struct hlist_node);
}

#define PROC_SUPER_MAGIC 0x9fa0	/* include/uapi/linux/magic.h */

/*
 * A pidfd's file holds the pid in private_data, since 6.9 (commit cb12fd8e0dab,
 * pidfd: add pidfs) in the inode; a folder of /proc, in what lies around the inode.
 */
static __always_inline struct pid *pid_of_file(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct proc_inode *around;
	struct pid *pid;

	if (BPF_CORE_READ(inode, i_sb, s_magic) == PROC_SUPER_MAGIC) {
		around = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
		return BPF_CORE_READ(around, pid);
	}
	pid = BPF_CORE_READ(file, private_data);
	return pid ? pid : BPF_CORE_READ(inode, i_private);
}

/* The file that a process has under this number; NULL where it has none. */
static __always_inline struct file *file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **slot;
	struct file *file;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	slot = BPF_CORE_READ(table, fd) + fd;
	return bpf_probe_read_kernel(&file, sizeof(file), slot) ? NULL : file;
}

/*
 * Any other file holds anything in those places, so what is found counts only
 * where the initial namespace knows it as that pid.
 */
static __always_inline struct pid *pid_of_pidfd(struct task_struct *task, __u32 fd)
{
	struct file *file = file_of(task, fd);
	struct pid_namespace *ns;
	struct upid *upid;
	struct pid *pid;

	if (!file)
		return NULL;
	pid = pid_of_file(file);
	if (!pid)
		return NULL;
	upid = upid_at(pid, 0);
	ns = BPF_CORE_READ(upid, ns);
	if (!ns || find_pid(ns, BPF_CORE_READ(upid, nr)) != pid)
		return NULL;
	return pid;
}

/* 6.14, commit f08d0c3a7111 (pidfd: add PIDFD_SELF* sentinels to refer to own thread/process) */
#define PIDFD_SELF_THREAD -10000
/* 6.17, commit 67fcec2919e4 (fcntl/pidfd: redefine PIDFD_SELF_THREAD_GROUP), and what it was. */
#define PIDFD_SELF_PROCESS -10001
#define PIDFD_SELF_PROCESS_ONCE -20000

static __always_inline bool names_own_process(struct syscall *call)
{
	return call->target_arg == PIDFD_SELF_PROCESS ||
	       call->target_arg == PIDFD_SELF_PROCESS_ONCE;
}

/* The kernel refuses these before it looks for the thread. */
static __always_inline bool names_no_process(struct syscall *call)
{
	return call->tgid_arg <= 0 && (call->origin == SIGSNOOP_ORIGIN_TGKILL ||
				       call->origin == SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO);
}

/* Whether a call names the thread that makes it, in the initial namespace: found without a search. */
static __always_inline bool names_itself(struct task_struct *caller, __u32 tid,
					 struct syscall *call)
{
	struct pid *pid;

	if (call->origin == SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL)
		return call->target_arg == PIDFD_SELF_THREAD ||
		       (names_own_process(call) && (__u32)READ(DIRECT, caller, tgid) == tid);
	if (call->target_arg != (int)tid || names_no_process(call))
		return false;
	pid = READ(DIRECT, caller, thread_pid);
	return !READ(DIRECT, pid, level);
}

/* The process that a call to one recipient names; NULL where that is not sure. */
static __always_inline struct task_struct *named_target(struct task_struct *caller,
							 struct syscall *call)
{
	struct task_struct *task;
	struct upid *upid;
	struct pid *pid;

	if (call->origin == SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL) {
		if (names_own_process(call))
			return BPF_CORE_READ(caller, group_leader);
		pid = pid_of_pidfd(caller, call->target_arg);
		if (call->flags & PIDFD_SIGNAL_THREAD)
			return task_of(pid, PIDTYPE_PID);
		/* A pidfd of a thread stands for its process too. */
		task = task_of(pid, PIDTYPE_TGID);
		return task ? task : task_of(pid, PIDTYPE_PID);
	}
	if (call->target_arg <= 0 || names_no_process(call))
		return NULL;
	pid = BPF_CORE_READ(caller, thread_pid);
	upid = upid_at(pid, BPF_CORE_READ(pid, level));
	pid = find_pid(BPF_CORE_READ(upid, ns), call->target_arg);
	return task_of(pid, PIDTYPE_PID);
}

#endif
