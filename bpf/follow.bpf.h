/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Following: a process is in the set from before its first instruction until
 * nothing of it is left, and so is every process that it creates.
 */
#ifndef SIGSNOOP_FOLLOW_BPF_H
#define SIGSNOOP_FOLLOW_BPF_H

/* Sized at load. Preallocated, as all maps of programs that run under a run queue's lock must be. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct sigsnoop_identity);
	__type(value, __u8);
} followed SEC(".maps");

/*
 * Who created whom, where the creator is not followed: kept only while those that a process has
 * already are taken in, so that one in between can end meanwhile.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct sigsnoop_identity);
	__type(value, struct sigsnoop_creator);
} creators SEC(".maps");

/*
 * The start tells a process from a later one of that number. It is the first
 * thread's; a thread that execs in its place takes it over (fs/exec.c, de_thread).
 */
static __always_inline void identify(struct task_struct *task, struct sigsnoop_identity *identity)
{
	identity->start_ns = start_of(task, false);
	identity->host_pid = BPF_CORE_READ(task, tgid);
	identity->spare = 0;
}

static __always_inline bool is_followed(struct task_struct *task)
{
	struct sigsnoop_identity identity;

	identify(task, &identity);
	return bpf_map_lookup_elem(&followed, &identity);
}

/* Has never run. */
static __always_inline bool is_newborn(struct task_struct *task)
{
	/* Where there is one CPU, whoever runs is not the one that is looked at. */
	if (bpf_core_field_exists(task->on_cpu) && BPF_CORE_READ(task, on_cpu))
		return false;
	return !BPF_CORE_READ(task, se.sum_exec_runtime);
}

/*
 * A group send can reach a process before it is woken for the first time, so
 * before it is in the set: then what counts is its parent, which still creates it.
 */
static __always_inline bool end_followed(struct task_struct *task)
{
	bool newborn;

	if (!task)
		return false;
	/* Asked first: who has run already was put into the set before. */
	newborn = is_newborn(task);
	return is_followed(task) ||
	       (newborn && is_followed(BPF_CORE_READ(task, real_parent)));
}

/* Either end is followed, where any are. An end that there is not is NULL. */
static __always_inline bool follow_wanted(struct task_struct *sender, struct task_struct *target)
{
	return !settings.follow || end_followed(target) || end_followed(sender);
}

static __always_inline bool is_process(struct task_struct *task)
{
	return BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid);
}

static __always_inline void note_creator(struct sigsnoop_identity *child,
					 struct sigsnoop_identity *identity)
{
	struct sigsnoop_creator creator = { .identity = *identity };

	/* -EEXIST: it was born and looked at. */
	if (bpf_map_update_elem(&creators, child, &creator, BPF_NOEXIST) &&
	    !bpf_map_lookup_elem(&creators, child))
		count(SIGSNOOP_FOLLOW_FULL);
}

/*
 * A new task is woken for the first time, by whoever created it. Not at
 * sched_process_fork, a moment before: where tracepoints' programs can be
 * preempted (as on 7.3), another task's fork on that CPU is skipped there.
 * Here the run queue's lock keeps interrupts off, so none is.
 */
SEC("?raw_tp/sched_wakeup_new")
int follow_birth(__u64 *ctx)
{
	struct task_struct *creator = (void *)bpf_get_current_task();
	struct task_struct *child = (void *)ctx[0];
	struct sigsnoop_identity own, above;
	__u8 one = 1;

	if (!is_process(child))
		return 0;
	identify(child, &own);
	identify(creator, &above);
	if (!bpf_map_lookup_elem(&followed, &above)) {
		if (!live.taking_in)
			return 0;
		note_creator(&own, &above);
		/* Who adds the creator just now looks at the notes afterwards. */
		if (!bpf_map_lookup_elem(&followed, &above))
			return 0;
	}
	if (bpf_map_update_elem(&followed, &own, &one, BPF_ANY))
		count(SIGSNOOP_FOLLOW_FULL);
	return 0;
}

/*
 * Nothing of the process is left: its death was told and its parent has waited
 * for it. The thread whose place another took by exec has that one's number.
 */
SEC("?raw_tp/sched_process_free")
int follow_end(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct sigsnoop_creator *creator;
	struct sigsnoop_identity own = {};

	if (!is_process(task))
		return 0;
	own.start_ns = BPF_CORE_READ(task, start_boottime);
	own.host_pid = BPF_CORE_READ(task, tgid);
	if (live.taking_in) {
		creator = bpf_map_lookup_elem(&creators, &own);
		if (creator)
			creator->child_gone = 1;
	}
	bpf_map_delete_elem(&followed, &own);
	return 0;
}

/* Run by the tracer: follow the process of a number in its pid namespace. Answers with an errno. */
SEC("?raw_tp")
int follow_number(__u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *upid = upid_at(pid, BPF_CORE_READ(pid, level));
	struct sigsnoop_identity identity;
	__u8 one = 1;

	task = task_of(find_pid(BPF_CORE_READ(upid, ns), ctx[0]), PIDTYPE_TGID);
	if (!task)
		return ESRCH;
	identify(task, &identity);
	return -bpf_map_update_elem(&followed, &identity, &one, BPF_ANY);
}

/* Run for each task that the tracer's pid namespace holds. 5.8, commit eaaacd23910f */
SEC("?iter/task")
int follow_look(__u64 *ctx)
{
	struct sigsnoop_identity own, above;
	struct task_struct *task;

	/* The context: what the walk itself is, and a task, NULL at the end. */
	bpf_probe_read_kernel(&task, sizeof(task), ctx + 1);
	if (!task || !is_process(task))
		return 0;
	identify(task, &own);
	identify(BPF_CORE_READ(task, real_parent), &above);
	note_creator(&own, &above);
	return 0;
}

#endif
