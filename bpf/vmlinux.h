/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types that the programs read, and of each only the fields read.
 *
 * clang records every access to these fields in the object (CO-RE), and libbpf
 * rewrites the offsets from the running kernel's BTF at load, so the order and
 * the gaps here mean nothing; the names and the kinds do. A test holds each
 * field against the running kernel.
 */
#ifndef SIGSNOOP_VMLINUX_H
#define SIGSNOOP_VMLINUX_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;

/* Named by libbpf's helper prototypes only. */
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef _Bool bool;
#define true 1
#define false 0

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

/* Flags of maps and of updates, which the kernel's BTF holds as unnamed enums. */
#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_F_MMAPABLE (1U << 10)
#define BPF_F_USER_STACK (1ULL << 8)
#define BPF_F_USER_BUILD_ID (1ULL << 11)
#define BPF_RB_NO_WAKEUP 1
#define BPF_RB_FORCE_WAKEUP 2

enum bpf_func_id___probe {
	BPF_FUNC_get_current_task_btf = 158, /* 5.11, commit 3ca1032ab7ab */
	BPF_FUNC_task_pt_regs = 175, /* 5.15, commit dd6e10fbd9fb; asked for, not assumed */
};

enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
	PIDTYPE_PGID,
	PIDTYPE_SID,
	PIDTYPE_MAX,
};

/* Lists, as the kernel threads them through its structures. */
struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

/* Pid namespaces: each holds its numbers in a radix tree (idr). */
struct xarray {
	void *xa_head;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct idr {
	struct xarray idr_rt;
	unsigned int idr_base;
};

struct pid_namespace {
	struct idr idr;
};

/* One number of a process: its pid as one namespace sees it. */
struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[PIDTYPE_MAX];
	struct upid numbers[1];
};

/* Signals: how a process stands to them, and what comes with one. */
typedef struct {
	unsigned long sig[1];
} sigset_t;

struct sigaction {
	void *sa_handler;
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[64];
};

/* CPU time used, as the kernel holds it against the limit. */
typedef struct {
	__s64 counter;
} atomic64_t;

struct task_cputime_atomic {
	atomic64_t utime, stime;
};

struct thread_group_cputimer {
	struct task_cputime_atomic cputime_atomic;
};

struct rlimit {
	unsigned long rlim_max;
};

struct sigpending {
	struct list_head list;
	sigset_t signal;
};

typedef struct {
	int counter;
} atomic_t;

/* How long a real-time thread has run without sleeping, in ticks. */
struct sched_rt_entity {
	unsigned long timeout;
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
	struct list_head thread_head;
	struct sigpending shared_pending;
	int group_exit_code;
	/* 6.0 (signal: Guarantee that SIGNAL_GROUP_EXIT is set on process exit) */
	int quick_threads;
	/* Forks that are under way, each by what reaches it. */
	struct hlist_head multiprocess;
	unsigned int flags;
	struct pid *pids[PIDTYPE_MAX];
	struct thread_group_cputimer cputimer;
	struct rlimit rlim[16];
	short oom_score_adj;
};

typedef union sigval {
	void *sival_ptr;
} sigval_t;

union __sifields {
	struct {
		sigval_t _sigval;
	} _rt;
	struct {
		int _pid;
	} _kill;
	struct {
		int _tid;
	} _timer;
	struct {
		int _pid;
	} _sigchld;
	struct {
		void *_addr;
	} _sigfault;
};

struct kernel_siginfo {
	struct {
		int si_signo;
		int si_code;
		union __sifields _sifields;
	};
};

typedef struct kernel_siginfo kernel_siginfo_t;

struct sigqueue {
	struct list_head list;
	kernel_siginfo_t info;
};

/* A POSIX timer, as it is from 6.13 on; before, its sigqueue is elsewhere, and the field missing. */
struct k_itimer {
	bool it_sig_periodic;
	struct sigqueue sigq;
};

/* cgroup v2, where a process's place in it is found. */
struct kernfs_node {
	__u64 id;
	void *priv;
};

struct cgroup {
	struct kernfs_node *kn;
	int level;
	/* 6.1, commit 7f203bc89eb6; before it, ancestor_ids below */
	struct cgroup *ancestors[1];
};

struct cgroup___ids {
	__u64 ancestor_ids[1];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

/* Files, as far as a pidfd's process and a program's path. */
struct super_block {
	unsigned int s_dev;
	unsigned long s_magic;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
	void *i_private;
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

/* Where a file lies: its place in its file system, and where that is mounted. */
struct qstr {
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root;
};

struct file {
	struct inode *f_inode;
	void *private_data;
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t uid;
};

/* Memory, as the OOM killer counts it. */
struct percpu_counter {
	__s64 count;
};

/* A process's memory: where its program and its command line lie, which file it runs; how much. */
struct mm_struct {
	unsigned long start_code, start_stack, arg_start, arg_end;
	struct file *exe_file;
	unsigned long total_vm;
	atomic64_t pgtables_bytes;
	/* 6.2, commit f1a7941243c1 (mm: convert mm's rss stats into percpu_counter); before it, below */
	struct percpu_counter rss_stat[4];
};

struct mm_rss_stat {
	atomic64_t count[4];
};

struct mm_struct___atomic {
	struct mm_rss_stat rss_stat;
};

/* The saved user registers of a system call. */
#if defined(__TARGET_ARCH_x86)
struct thread_info {
	__u32 status;
};

struct pt_regs {
	unsigned long bp, r10, dx, cx, bx, si, di, ax, orig_ax, sp;
};
#elif defined(__TARGET_ARCH_arm64)
struct vm_struct {
	unsigned long size;
};

struct pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pstate;
	__u64 orig_x0;
	__s32 syscallno;
};
#endif

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct task_struct {
#if defined(__TARGET_ARCH_x86)
	struct thread_info thread_info;
#elif defined(__TARGET_ARCH_arm64)
	struct vm_struct *stack_vm_area;	/* with CONFIG_VMAP_STACK */
#endif
	/* Kernels for many CPUs only. 7.2 has a byte, 6.18 an int: of that, the byte that changes. */
	unsigned char on_cpu;
	struct sched_entity se;
	void *stack;
	unsigned int flags;
	struct sched_rt_entity rt;
	struct mm_struct *mm;
	unsigned int ptrace;
	int exit_state;
	int exit_code;
	int exit_signal;
	int pdeath_signal;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *parent;	/* its debugger, where it has one */
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[PIDTYPE_MAX];
	__u64 self_exec_id;
	kuid_t loginuid;
	unsigned int sessionid;
	struct fs_struct *fs;
	struct list_head thread_node;
	unsigned long rcu_tasks_nvcsw;	/* with CONFIG_TASKS_RCU */
	/* 6.9, commit 6b70399f9ef3: for the one that has no deadlock with a pid namespace's end, 1612160b9127. */
	struct list_head rcu_tasks_exit_list;
	__u64 start_boottime;
	const struct cred *real_cred;
	char comm[16];
	struct files_struct *files;
	struct css_set *cgroups;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	sigset_t blocked;
	sigset_t real_blocked;	/* as it was before sigwait(), while that waits */
	struct sigpending pending;
};

/* What a syscall tracepoint hands to its program. */
struct trace_event_raw_sys_enter {
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	long ret;
};

/* 6.9, commit 72ba14deb40a: with total_vm, the event's first argument is a task; before, a pid. */
struct trace_event_raw_mark_victim {
	unsigned long total_vm;
};

/* 6.16 (exit: move and extend sched_process_exit() tracepoint); before it, the field is missing. */
struct trace_event_raw_sched_process_exit {
	bool group_dead;
};

/* 6.4: room for what the kernel keeps of a loop. */
struct bpf_iter_num {
	__u64 __opaque[1];
};

#pragma clang attribute pop

#endif
