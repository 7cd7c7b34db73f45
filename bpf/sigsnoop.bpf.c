// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every signal generated, with both ends; every call that generated none; and
 * the answer of calls with many recipients. One record each.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "sigsnoop.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct sigsnoop_settings settings SEC(".rodata.settings") = {
	.layout = SIGSNOOP_LAYOUT,
};

struct sigsnoop_live live;

/* A slot for each CPU, resized at load; user space maps it, and sums. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sigsnoop_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} ring SEC(".maps");

static __always_inline void count_more(enum sigsnoop_counter which, __u64 more)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct sigsnoop_counters *slot = bpf_map_lookup_elem(&counters, &cpu);

	/* Atomic, since a program can be preempted by another on its CPU. */
	if (slot)
		__sync_fetch_and_add(&slot->n[which], more);
}

static __always_inline void count(enum sigsnoop_counter which)
{
	count_more(which, 1);
}

/*
 * Waking a reader costs more than the record, so only a sleeping one is woken,
 * once. Call it after reserve and after a count: the reader says that it sleeps,
 * then looks whether anything is reserved; an atomic in between keeps either
 * from missing the other.
 *
 * Not on arm64: there only an atomic that returns a value is a barrier, and in BPF such come
 * with 5.12. So there the kernel looks too, behind a barrier of its own (kernel/bpf/ringbuf.c,
 * bpf_ringbuf_commit): it wakes a reader that had read all before a record, which is once at most
 * for each time that it does. Companions take the same, as one can be that record.
 */
#ifdef __TARGET_ARCH_arm64
#define WAKE_NOBODY 0
#else
#define WAKE_NOBODY BPF_RB_NO_WAKEUP
#endif

static __always_inline __u64 wake_reader(void)
{
	if (!live.reader_sleeps)
		return WAKE_NOBODY;
	live.reader_sleeps = 0;
	return BPF_RB_FORCE_WAKEUP;
}

#include "read.bpf.h"
#include "loop.bpf.h"
#include "process.bpf.h"
#include "registers.bpf.h"
#include "target.bpf.h"
#include "generated.bpf.h"
#include "fate.bpf.h"
#include "origin.bpf.h"
#include "follow.bpf.h"
#include "filter.bpf.h"
#include "group.bpf.h"
#include "link.bpf.h"
#include "detour.bpf.h"
#include "remember.bpf.h"
#include "details.bpf.h"
#include "oom.bpf.h"
#include "stack.bpf.h"
#include "send.bpf.h"
#include "generate.bpf.h"
#include "return.bpf.h"
#include "deliver.bpf.h"
#include "death.bpf.h"
#include "attach.bpf.h"
#include "original.bpf.h"
