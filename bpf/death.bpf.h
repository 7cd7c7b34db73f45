/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a process ends, and the send that it died of. */
#ifndef SIGSNOOP_DEATH_BPF_H
#define SIGSNOOP_DEATH_BPF_H

#define PF_SIGNALED 0x400	/* include/linux/sched.h: killed by a signal */

#define CORE_DUMPED 0x80

/* Processes whose end was told already. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} ended SEC(".maps");

/*
 * Whether the last thread of a process ends. The event says so from 6.16 on (exit:
 * move and extend sched_process_exit() tracepoint); before it, two threads that end
 * at once can both find that none is left, so the first is noted.
 */
static __always_inline bool is_last(__u64 *ctx, struct signal_struct *signal, __u64 started_ns)
{
	__u64 key = (__u64)signal, *told;
	int threads;

	if (bpf_core_field_exists(struct trace_event_raw_sched_process_exit, group_dead))
		return ctx[1] & 1;
	if (BPF_CORE_READ(signal, live.counter))
		return false;
	/* Asked in this order: whoever is gone by now has noted what it told. */
	threads = BPF_CORE_READ(signal, nr_threads);
	told = bpf_map_lookup_elem(&ended, &key);
	if (told && *told == started_ns)
		return false;
	if (threads == 1)
		return true;
	if (told)
		bpf_map_update_elem(&ended, &key, &started_ns, BPF_ANY);
	else if (bpf_map_update_elem(&ended, &key, &started_ns, BPF_NOEXIST))
		return false;
	return true;
}

/* As wait() tells it. A kernel thread's code is what its function returned (before Linux 5.17). */
static __always_inline int status_of(struct signal_struct *signal, struct task_struct *leader,
				     __u32 flags)
{
	if (flags & PF_KTHREAD)
		return 0;
	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(signal, group_exit_code);
	return BPF_CORE_READ(leader, exit_code);
}

/*
 * Whether the code that a thread ends with is its process's. Without the flag it is the first
 * thread's; newer kernels set the flag with the last one's.
 */
static __always_inline bool is_code_of_process(struct task_struct *task,
					       struct signal_struct *signal, int code)
{
	if (BPF_CORE_READ(signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(signal, group_exit_code) == code;
	return !bpf_core_field_exists(signal->quick_threads) &&
	       BPF_CORE_READ(task, pid) == BPF_CORE_READ(task, tgid);
}

/* Arguments: the thread that ends; from 6.16 on, whether it is the last. */
SEC("?raw_tp/sched_process_exit")
int death(__u64 *ctx)
{
	struct task_struct *task = current_task();
	struct task_struct *leader = READ(DIRECT, task, group_leader);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	__u64 started_ns = READ(DIRECT, leader, start_boottime);
	struct link_key key = { (__u64)signal, LINK_DOOM, BPF_CORE_READ(task, exit_code) & 0x7f };
	struct link_end send = { .flags = LINK_NOTHING };
	__u32 flags = BPF_CORE_READ(task, flags);
	struct sigsnoop_end *end;
	struct link *link = NULL;
	bool wanted;
	int status, signo;

	if (live.phase != SIGSNOOP_TRACING)
		return 0;
	/*
	 * Strict seccomp, and a failed exec: the code is a signal's, and there was none. A thread
	 * that exits by itself while another ends the process has its code, and is marked to die.
	 */
	if (key.signo && !(flags & PF_SIGNALED) && !pending_in(own_queue(task), SIGKILL) &&
	    is_code_of_process(task, signal, BPF_CORE_READ(task, exit_code)))
		doom(signal, started_ns, key.signo, &send);
	if (!is_last(ctx, signal, started_ns))
		return 0;
	status = status_of(signal, leader, flags);
	signo = status & 0x7f;
	key.signo = signo;
	if (signo)
		link = find_link(&key, started_ns);
	if (link) {
		send = link->send;
		drop_link(&key);
		wanted = end_wanted(leader, signo, &send);
	} else {
		wanted = unlinked_wanted(leader, signo) && (signo || settings.exits);
	}
	if (!wanted) {
		count(SIGSNOOP_DEATH_FILTERED);
		return 0;
	}
	end = bpf_ringbuf_reserve(&ring, sizeof(*end), 0);
	if (!end) {
		count(SIGSNOOP_DEATH_RING_FULL);
		return 0;
	}
	__builtin_memset(end, 0, sizeof(*end));
	end->type = SIGSNOOP_DEATH;
	end->signo = signo;
	end->boot_ns = bpf_ktime_get_boot_ns();
	end->status = status;
	end->action = signo ? SIGSNOOP_ACTION_KILLED : SIGSNOOP_ACTION_EXITED;
	describe(leader, leader, &end->target, DIRECT);
	if (link || !signo)
		tell_send(end, &send);
	else
		end->no_send = SIGSNOOP_NO_SEND_UNSEEN;
	count(SIGSNOOP_DEATH_SUBMITTED);
	bpf_ringbuf_submit(end, wake_reader());
	return 0;
}

#endif
