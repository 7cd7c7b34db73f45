/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Filters. Which are set is constant to the verifier, so those that are not
 * cost nothing; what they let through is one set, and of pids an array of bits,
 * so a look-up costs the same for one value and for 10,000.
 */
#ifndef SIGSNOOP_FILTER_BPF_H
#define SIGSNOOP_FILTER_BPF_H

/* Sized at load to what it holds. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct sigsnoop_filter_key);
	__type(value, __u8);
} wanted SEC(".maps");

static __always_inline bool has_filter(enum sigsnoop_filter filter)
{
	return settings.filters >> filter & 1;
}

static __always_inline bool number_wanted(enum sigsnoop_filter filter, __u64 number)
{
	struct sigsnoop_filter_key key = { .filter = filter };

	__builtin_memcpy(key.value, &number, sizeof(number));
	return bpf_map_lookup_elem(&wanted, &key);
}

/*
 * A bit for each pid of senders, then of targets: a look at it is some loads, where the set
 * takes a hash and a walk, which whoever is filtered out would pay. Resized at load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} wanted_pids SEC(".maps");

/* 0 is no process, and never wanted. */
static __always_inline bool pid_wanted(enum sigsnoop_filter filter, __u32 pid)
{
	__u32 word = pid >> 6;
	__u64 *bits;

	if (filter == SIGSNOOP_FILTER_TARGET_PID)
		word += SIGSNOOP_PID_WORDS;
	bits = bpf_map_lookup_elem(&wanted_pids, &word);
	return bits && *bits >> (pid & 63) & 1;
}

static __always_inline bool comm_wanted(enum sigsnoop_filter filter, const char *comm)
{
	struct sigsnoop_filter_key key = { .filter = filter };

	bpf_probe_read_kernel_str(key.value, sizeof(key.value), comm);
	return bpf_map_lookup_elem(&wanted, &key);
}

/* One of those above a cgroup, itself included, by a word for each level: its address, or its id. */
static __always_inline bool ancestor_wanted(enum sigsnoop_filter filter, __u64 *words,
					    __u32 level, bool addresses)
{
	struct cgroup *cgroup;
	__u64 id;

	for (int i = 0; i < SIGSNOOP_CGROUP_LEVELS; i++) {
		__u64 at = live.cgroup_levels[i];

		if (at > level)
			return false;
		if (addresses) {
			bpf_probe_read_kernel(&cgroup, sizeof(cgroup), words + at);
			id = BPF_CORE_READ(cgroup, kn, id);
		} else {
			bpf_probe_read_kernel(&id, sizeof(id), words + at);
		}
		if (number_wanted(filter, id))
			return true;
	}
	return false;
}

/*
 * The cgroup of a task or any above it. Asked of those at the levels where any is wanted: a walk
 * upwards has to end somewhere, and whoever nests deeper would get away.
 */
static __always_inline bool cgroup_wanted(enum sigsnoop_filter filter, struct task_struct *task)
{
	void *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	__u32 level = BPF_CORE_READ((struct cgroup *)cgroup, level);

	/* 6.1, commit 7f203bc89eb6 (cgroup: Replace cgroup->ancestor_ids[] with ->ancestors[]) */
	if (bpf_core_field_exists(struct cgroup, ancestors))
		return ancestor_wanted(
			filter, cgroup + bpf_core_field_offset(struct cgroup, ancestors), level, true);
	return ancestor_wanted(
		filter, cgroup + bpf_core_field_offset(struct cgroup___ids, ancestor_ids), level, false);
}

/*
 * Run once for each wanted cgroup by the tracer itself, which has the folder open and knows the
 * id: at which level it lies, or less than 0. Its path does not tell: paths begin at the root of
 * the reader's cgroup namespace, or at what is mounted, which can lie anywhere.
 */
SEC("?raw_tp")
int level_of_cgroup(__u64 *ctx)
{
	struct file *file = file_of((void *)bpf_get_current_task(), ctx[0]);
	struct kernfs_node *node = BPF_CORE_READ(file, f_inode, i_private);
	struct cgroup *cgroup = BPF_CORE_READ(node, priv);

	if (BPF_CORE_READ(node, id) != ctx[1] || BPF_CORE_READ(cgroup, kn) != node)
		return -ESRCH;
	return BPF_CORE_READ(cgroup, level);
}

static __always_inline bool origin_wanted(enum sigsnoop_origin origin)
{
	return settings.origins >> origin & 1;
}

static __always_inline bool signal_wanted(int signo)
{
	if (!settings.filter_signals)
		return true;
	/* Numbers that no signal has fail with EINVAL; only who names signals leaves them out. */
	if (signo < 0 || signo > 64)
		return settings.filter_signals == SIGSNOOP_SIGNALS_BUT;
	if (signo == 64)
		return settings.signals[1] & 1;
	return settings.signals[0] >> signo & 1;
}

/* sender is NULL where no process sent it; then no filter on it is met. */
static __always_inline bool sender_wanted(struct task_struct *sender, bool how)
{
	/* Each question below costs a load, though the answer is known. */
	if (!settings.filters)
		return true;
	if (has_filter(SIGSNOOP_FILTER_SENDER_PID)) {
		__u32 pid = sender ? pid_for_tracer(sender, how) : 0;

		if (!pid_wanted(SIGSNOOP_FILTER_SENDER_PID, pid))
			return false;
	}
	if (has_filter(SIGSNOOP_FILTER_SENDER_UID) &&
	    (!sender || !number_wanted(SIGSNOOP_FILTER_SENDER_UID, uid_of(sender, how))))
		return false;
	if (has_filter(SIGSNOOP_FILTER_SENDER_COMM) &&
	    (!sender || !comm_wanted(SIGSNOOP_FILTER_SENDER_COMM,
				     (void *)sender + bpf_core_field_offset(struct task_struct, comm))))
		return false;
	if (has_filter(SIGSNOOP_FILTER_SENDER_CGROUP) &&
	    (!sender || !cgroup_wanted(SIGSNOOP_FILTER_SENDER_CGROUP, sender)))
		return false;
	return true;
}

/*
 * The process reached, or where none was, the argument as given to a call. A group
 * send names no process, so 0 and negative numbers match the argument in any case.
 */
static __always_inline bool target_wanted(struct task_struct *target, struct syscall *call,
					  bool by_call, bool how)
{
	bool named = by_call && call->origin != SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL;

	if (!settings.filters)
		return true;
	if (has_filter(SIGSNOOP_FILTER_TARGET_PID)) {
		__u32 pid = target ? pid_for_tracer(target, how) : 0;
		bool met = pid_wanted(SIGSNOOP_FILTER_TARGET_PID, pid);

		if (!met && named && (!target || call->target_arg <= 0))
			met = number_wanted(SIGSNOOP_FILTER_TARGET_PID, (__u32)call->target_arg);
		if (!met)
			return false;
	}
	if (has_filter(SIGSNOOP_FILTER_TARGET_UID) &&
	    (!target || !number_wanted(SIGSNOOP_FILTER_TARGET_UID, uid_of(target, how))))
		return false;
	if (has_filter(SIGSNOOP_FILTER_TARGET_COMM) &&
	    (!target || !comm_wanted(SIGSNOOP_FILTER_TARGET_COMM,
				     (void *)target + bpf_core_field_offset(struct task_struct, comm))))
		return false;
	if (has_filter(SIGSNOOP_FILTER_TARGET_CGROUP) &&
	    (!target || !cgroup_wanted(SIGSNOOP_FILTER_TARGET_CGROUP, target)))
		return false;
	return true;
}

#endif
