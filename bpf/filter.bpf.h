/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Filters: constants that the verifier folds away, and a hash for each set of numbers. */
#ifndef SIGSNOOP_FILTER_BPF_H
#define SIGSNOOP_FILTER_BPF_H

/* Sized at load to what they hold, so a look-up costs the same for 1 and for 10,000. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} sender_pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __s32);
	__type(value, __u8);
} target_args SEC(".maps");

static __always_inline bool signal_wanted(int signo)
{
	if (!settings.filter_signals)
		return true;
	/* Numbers that no signal has fail with EINVAL; a filter by signal leaves them out. */
	if (signo < 0 || signo > 64)
		return false;
	if (signo == 64)
		return settings.signals[1] & 1;
	return settings.signals[0] >> signo & 1;
}

static __always_inline bool sender_wanted(void)
{
	struct task_struct *task;
	__u32 pid;

	if (!settings.filter_senders)
		return true;
	task = (void *)bpf_get_current_task();
	pid = number_for_tracer(process_of(task));
	return pid && bpf_map_lookup_elem(&sender_pids, &pid);
}

static __always_inline bool target_wanted(__s32 target)
{
	return !settings.filter_targets || bpf_map_lookup_elem(&target_args, &target);
}

#endif
