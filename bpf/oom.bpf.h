/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the OOM killer says of its victim, and who was asking for memory when it ran. */
#ifndef SIGSNOOP_OOM_BPF_H
#define SIGSNOOP_OOM_BPF_H

/* enum in include/linux/mm_types_task.h */
#define MM_FILEPAGES 0
#define MM_ANONPAGES 1
#define MM_SHMEMPAGES 3

/* How soon after its SIGKILL the OOM killer says so, with much room to spare. */
#define OOM_SOON_NS 20000000

/* Threads in which the OOM killer runs, and the memory of the process it chose. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} oom_threads SEC(".maps");

/* The figures that oom:mark_victim carries, from where it takes them. */
static __always_inline void tell_memory(struct sigsnoop_oom_victim *record,
					struct task_struct *victim, struct mm_struct *mm)
{
	struct mm_struct___atomic *older = (void *)mm;
	__s64 anon, file, shmem;

	if (!mm)
		return;
	if (bpf_core_field_exists(mm->rss_stat[0].count)) {
		anon = BPF_CORE_READ(mm, rss_stat[MM_ANONPAGES].count);
		file = BPF_CORE_READ(mm, rss_stat[MM_FILEPAGES].count);
		shmem = BPF_CORE_READ(mm, rss_stat[MM_SHMEMPAGES].count);
	} else {
		anon = BPF_CORE_READ(older, rss_stat.count[MM_ANONPAGES].counter);
		file = BPF_CORE_READ(older, rss_stat.count[MM_FILEPAGES].counter);
		shmem = BPF_CORE_READ(older, rss_stat.count[MM_SHMEMPAGES].counter);
	}
	/* What a CPU has counted and not yet added can leave less than none. */
	record->anon_rss = anon > 0 ? anon : 0;
	record->file_rss = file > 0 ? file : 0;
	record->shmem_rss = shmem > 0 ? shmem : 0;
	record->pgtables_kb = BPF_CORE_READ(mm, pgtables_bytes.counter) >> 10;
	record->score_adj = READ_TASK(victim, signal, oom_score_adj);
	record->known |= SIGSNOOP_KNOWN_MEMORY;
}

/* Who asks for memory that is not there: described as a sender would be, and none. */
static __always_inline bool tell_allocator(struct sigsnoop_process *allocator)
{
	struct task_struct *current = current_task();

	if (READ(DIRECT, current, flags) & PF_KTHREAD)
		return false;
	describe(current, current, allocator, DIRECT);
	return true;
}

/*
 * oom:mark_victim, in the thread that runs the OOM killer, just after its SIGKILL:
 * so while the trace drains too. 6.9, commit 72ba14deb40a (mm: Update mark_victim
 * tracepoints fields), and stable releases from then: its first argument is a task,
 * not a pid, and it has the victim's figures.
 */
SEC("?raw_tp/mark_victim")
int oom_victim(__u64 *ctx)
{
	struct sigsnoop_oom_victim *record;
	struct task_struct *victim = NULL;
	struct mm_struct *mm = NULL;
	__u32 tid = bpf_get_current_pid_tgid();
	__u32 pid = ctx[0];
	__u64 total = 0;

	if (live.phase == SIGSNOOP_IDLE)
		return 0;
	if (bpf_core_field_exists(struct trace_event_raw_mark_victim, total_vm)) {
		victim = (void *)ctx[0];
		pid = BPF_CORE_READ(victim, tgid);
		mm = BPF_CORE_READ(victim, mm);
		total = BPF_CORE_READ(mm, total_vm);
	}
	bpf_map_update_elem(&oom_threads, &tid, &mm, BPF_ANY);
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		/* Where no SIGKILL waits for this, since none passed the filters, nothing is lost. */
		if (bpf_ktime_get_boot_ns() - live.held_ns < OOM_SOON_NS)
			count(SIGSNOOP_OOM_RING_FULL);
		return 0;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->type = SIGSNOOP_OOM_VICTIM;
	record->host_tid = tid;
	record->victim_host_pid = pid;
	if (tell_allocator(&record->allocator))
		record->known |= SIGSNOOP_KNOWN_ALLOCATOR;
	record->vm = total;
	if (victim)
		tell_memory(record, victim, mm);
	count(SIGSNOOP_OOM_SUBMITTED);
	bpf_ringbuf_submit(record, wake_reader());
	return 0;
}

#endif
