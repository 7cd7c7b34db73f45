/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Details of an end, where they are asked for: its command line, the program that
 * it runs, its parents, the login that it came from. Read at the moment of the
 * send, since who sends may live no longer than that.
 */
#ifndef SIGSNOOP_DETAILS_BPF_H
#define SIGSNOOP_DETAILS_BPF_H

#define NAME_ROOM 256	/* NAME_MAX and a NUL */
/* Components of a path, and mounts that it crosses. */
#define MAX_STEPS 40
/* Offsets are cut to this right before their use: verifiers before 5.12 forget bounds. */
#define TEXT_MASK (SIGSNOOP_CMDLINE_LEN + SIGSNOOP_EXE_LEN - 1)
#define TEXT_ROOM (TEXT_MASK + 1 + NAME_ROOM)
#define OUTPUT_MASK 2047	/* the next mask that holds TEXT_ROOM */

/* Keeps the compiler from dropping a cut that it knows to change nothing. */
#define OPAQUE(number) asm volatile("" : "+r"(number))

struct details_with_text {
	struct sigsnoop_details details;
	char text[TEXT_ROOM];
};

struct details_scratch {
	struct sigsnoop_details details;
	char text[OUTPUT_MASK + 1];
};

/* Where a signal is generated, interrupts are off: a CPU is in one at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct details_scratch);
} details_scratch SEC(".maps");

static __always_inline void tell_parents(struct sigsnoop_details *details, struct task_struct *task)
{
	struct sigsnoop_parent *parent;
	__u32 tgid;
	int i;

#pragma clang loop unroll(disable)
	for (i = 0; i < SIGSNOOP_PARENTS; i++) {
		task = BPF_CORE_READ(task, real_parent, group_leader);
		tgid = BPF_CORE_READ(task, tgid);
		/* The parent of the first process is no process. */
		if (!tgid)
			break;
		parent = &details->parents[i];
		parent->host_pid = tgid;
		/* The initial namespace's numbers are the tracer's own, mostly: half the reads. */
		parent->pid = live.tracer_level ? number_for_tracer(process_of(task, false), false) : tgid;
		BPF_CORE_READ_INTO(&parent->comm, task, comm);
	}
	details->parent_count = i;
}

/* Kept by kernels with CONFIG_AUDIT. */
static __always_inline void tell_login(struct sigsnoop_details *details, struct task_struct *task)
{
	if (!bpf_core_field_exists(task->loginuid) || !bpf_core_field_exists(task->sessionid))
		return;
	details->loginuid = BPF_CORE_READ(task, loginuid.val);
	details->sessionid = BPF_CORE_READ(task, sessionid);
	details->known |= SIGSNOOP_DETAIL_LOGIN;
}

/*
 * The command line of the current process, as /proc/PID/cmdline shows it: what its
 * memory holds, between the bounds that the kernel set. Nothing is paged in here.
 */
static __always_inline __u32 read_cmdline(struct sigsnoop_details *details, char *text)
{
	__u64 start = details->arg_start, end = details->arg_end, size = end - start;
	char last;

	if (end <= start) {
		details->known |= SIGSNOOP_DETAIL_CMDLINE;
		return 0;
	}
	if (bpf_probe_read_user(&last, sizeof(last), (void *)end - 1))
		return 0;
	/* No NUL at its end: setproctitle() wrote over it, and perhaps beyond. */
	if (last) {
		details->known |= SIGSNOOP_DETAIL_TITLE;
		size = SIGSNOOP_CMDLINE_LEN;
	} else if (size > SIGSNOOP_CMDLINE_LEN) {
		details->known |= SIGSNOOP_DETAIL_CMDLINE_CUT;
		size = SIGSNOOP_CMDLINE_LEN;
	}
	OPAQUE(size);
	size &= TEXT_MASK;
	if (bpf_probe_read_user(text, size, (void *)start)) {
		/* As far as the page goes. */
		size = 4096 - (start & 4095);
		if (size >= SIGSNOOP_CMDLINE_LEN)
			return 0;
		OPAQUE(size);
		size &= TEXT_MASK;
		if (bpf_probe_read_user(text, size, (void *)start))
			return 0;
		details->known |= SIGSNOOP_DETAIL_CMDLINE_CUT;
	}
	details->known |= SIGSNOOP_DETAIL_CMDLINE;
	return size;
}

/*
 * The path of the program, as the process's own /proc/self/exe shows it: up to its
 * root, or where the file is not below that, as far as the mounts go. Names are
 * read from the last to the first, behind what text holds; user space turns them.
 */
static __always_inline void read_exe(struct sigsnoop_details *details, char *text,
				     struct task_struct *task, struct mm_struct *mm)
{
	struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);
	struct vfsmount *root_mount = BPF_CORE_READ(task, fs, root.mnt);
	struct dentry *dentry = BPF_CORE_READ(mm, exe_file, f_path.dentry);
	struct vfsmount *vfsmount = BPF_CORE_READ(mm, exe_file, f_path.mnt);
	const unsigned char *name;
	struct mount *mount, *below;
	struct dentry *parent;
	bool whole = false;
	int size;
	__u32 at;
	__u64 i;	/* 64 bits: verifiers before 5.16 forget a smaller number on the stack */

	if (!dentry)
		return;
	if (!BPF_CORE_READ(dentry, d_hash.pprev))
		details->known |= SIGSNOOP_DETAIL_EXE_DELETED;
#pragma clang loop unroll(disable)
	for (i = 0; i < MAX_STEPS; i++) {
		whole = dentry == root && vfsmount == root_mount;
		if (whole)
			break;
		if (dentry == BPF_CORE_READ(vfsmount, mnt_root)) {
			below = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
			mount = BPF_CORE_READ(below, mnt_parent);
			whole = mount == below;
			if (whole)
				break;
			dentry = BPF_CORE_READ(below, mnt_mountpoint);
			vfsmount = (void *)mount + bpf_core_field_offset(struct mount, mnt);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		/* A file that never had a folder, as of memfd_create(), is its own parent. */
		whole = parent == dentry;
		at = RECALL(details->exe_size);
		if (whole && at)
			break;
		if (at >= SIGSNOOP_EXE_LEN)
			break;
		name = BPF_CORE_READ(dentry, d_name.name);
		at += RECALL(details->cmdline_size);
		OPAQUE(at);
		size = bpf_probe_read_kernel_str(text + (at & TEXT_MASK), NAME_ROOM, name);
		if (size <= 0) {
			details->exe_size = 0;
			return;
		}
		RECALL(details->exe_size) += size;
		if (whole)
			break;
		dentry = parent;
	}
	details->known |= SIGSNOOP_DETAIL_EXE;
	if (!whole)
		details->known |= SIGSNOOP_DETAIL_EXE_CUT;
}

/* What a process runs. Nothing of a kernel thread, nor of who has no memory any more. */
static __always_inline void tell_program(struct sigsnoop_details *details, char *text,
					 struct task_struct *task)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u32 known = details->known;

	if (!mm || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	details->exec_id = BPF_CORE_READ(task, group_leader, self_exec_id);
	details->arg_start = BPF_CORE_READ(mm, arg_start);
	details->arg_end = BPF_CORE_READ(mm, arg_end);
	/* 0 in the middle of an exec, before there are any arguments. */
	if (details->arg_end && mm == BPF_CORE_READ(current, mm))
		details->cmdline_size = read_cmdline(details, text);
	else if (details->arg_end)
		details->known |= SIGSNOOP_DETAIL_ELSEWHERE;
	read_exe(details, text, task, mm);
	/* Another process can end or execute meanwhile: then some of it was read of nothing. */
	if (BPF_CORE_READ(task, mm) != mm) {
		details->known = known;
		details->cmdline_size = details->exe_size = 0;
	}
}

/* Everything but the text is filled: ring memory is not zeroed. */
static __always_inline void fill_details(struct sigsnoop_details *details, char *text, __u64 key,
					 __u32 sides, __u64 task)
{
	__builtin_memset(details, 0, sizeof(*details));
	details->type = SIGSNOOP_DETAILS;
	details->sides = sides;
	details->key = key;
	tell_parents(details, (void *)task);
	tell_login(details, (void *)task);
	tell_program(details, text, (void *)task);
}

/*
 * Global functions of plain numbers: the verifier checks the loops in them once and
 * by themselves (5.6, commit 51c39bb1d5d1). 1: handed over; 0: no room in the ring.
 */
__noinline int details_at_generate(__u64 key, __u32 sides, __u64 task)
{
	struct details_scratch *scratch;
	__u32 zero = 0, size;

	if (!settings.details)
		return 0;
	scratch = bpf_map_lookup_elem(&details_scratch, &zero);
	if (!scratch)
		return 0;
	fill_details(&scratch->details, scratch->text, key, sides, task);
	size = RECALL(scratch->details.cmdline_size) + RECALL(scratch->details.exe_size);
	OPAQUE(size);
	size &= OUTPUT_MASK;
	return !bpf_ringbuf_output(&ring, scratch, sizeof(scratch->details) + size,
				   WAKE_NOBODY);
}

/* At the exit of a call another can come in between on the same CPU, so it is filled in place. */
__noinline int details_at_exit(__u64 key, __u32 sides, __u64 task)
{
	struct details_with_text *record;

	if (!settings.details)
		return 0;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return 0;
	fill_details(&record->details, record->text, key, sides, task);
	bpf_ringbuf_submit(record, WAKE_NOBODY);
	return 1;
}

/* of a send's two ends: how many records were handed over, and how many found no room. */
struct told {
	__u32 records, lost;
};

/*
 * Before the send's own record: of the current thread, where it is the sender, or of another
 * that is, 0 for none; and of the target's task, 0 where that is not known. Both ends can be the
 * current one.
 */
static __always_inline struct told tell_details(bool by_current, __u64 other, bool to_current,
						__u64 target, __u64 key, bool exit)
{
	struct told told = {};
	__u32 records = 0;

	if (!settings.details)
		return told;
	if (by_current) {
		__u64 current = bpf_get_current_task();
		__u32 sides = SIGSNOOP_SIDE_SENDER;

		if (to_current)
			sides |= SIGSNOOP_SIDE_TARGET;
		records++;
		told.records += exit ? details_at_exit(key, sides, current)
				     : details_at_generate(key, sides, current);
	}
	if (other) {
		records++;
		told.records += details_at_generate(key, SIGSNOOP_SIDE_SENDER, other);
	}
	if (target && !(by_current && to_current)) {
		records++;
		told.records += exit ? details_at_exit(key, SIGSNOOP_SIDE_TARGET, target)
				     : details_at_generate(key, SIGSNOOP_SIDE_TARGET, target);
	}
	told.lost = records - told.records;
	return told;
}

/* With the send itself in hand: loss counts only of sends that are told. */
static __always_inline void note_details(struct sigsnoop_send *send, struct told told)
{
	send->companions += told.records;
	if (told.lost)
		count_more(SIGSNOOP_DETAILS_RING_FULL, told.lost);
}

/*
 * Run by the reader, to read the command line of another's process from /proc and
 * be sure that it is the one: whether the process still runs that program. Its pid
 * in the initial namespace, when it started, and what a record of details said.
 */
SEC("?raw_tp")
int still_runs(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct upid *first = upid_at(BPF_CORE_READ(task, thread_pid), 0);

	task = task_of(find_pid(BPF_CORE_READ(first, ns), ctx[0]), PIDTYPE_TGID);
	return task && BPF_CORE_READ(task, start_boottime) == ctx[1] &&
	       BPF_CORE_READ(task, self_exec_id) == ctx[2] &&
	       BPF_CORE_READ(task, mm, arg_start) == ctx[3] &&
	       BPF_CORE_READ(task, mm, arg_end) == ctx[4];
}

#endif
