/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel programs and user space share, in plain C types.
 *
 * This is the only definition of each: clang reads it for the BPF object, the C
 * compiler for the extension, and cffi for Python (without the lines that begin
 * with #ifndef, #define SIGSNOOP_H and #endif). Ring memory is not zeroed, so a
 * record has no implicit padding; build.py refuses a layout that has any.
 */
#ifndef SIGSNOOP_H
#define SIGSNOOP_H

#define SIGSNOOP_COMM_LEN 16

/* Which signals a filter lets through: a bit each for 0 to 64. */
#define SIGSNOOP_SIGNAL_WORDS 2

/* What filter_signals says of them: these only, or all but what is left out. */
#define SIGSNOOP_SIGNALS_ONLY 1
#define SIGSNOOP_SIGNALS_BUT 2

/* The first member of every record. */
enum sigsnoop_record_type {
	SIGSNOOP_SEND = 1,
	SIGSNOOP_GROUP_END,	/* a group send returned */
	SIGSNOOP_OOM_VICTIM,	/* the OOM killer chose; just after its SIGKILL */
};

/*
 * How a signal was sent: the six system calls, then the kernel's own reasons.
 * The names in JSON are these in lower case; DOT_ and DASH_ stand for . and -.
 */
enum sigsnoop_origin {
	SIGSNOOP_ORIGIN_NONE = 0,
	SIGSNOOP_ORIGIN_KILL,
	SIGSNOOP_ORIGIN_TKILL,
	SIGSNOOP_ORIGIN_TGKILL,
	SIGSNOOP_ORIGIN_RT_SIGQUEUEINFO,
	SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO,
	SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL,
	SIGSNOOP_ORIGIN_FAULT,
	SIGSNOOP_ORIGIN_TIMER,
	SIGSNOOP_ORIGIN_CHILD,
	SIGSNOOP_ORIGIN_TERMINAL,
	SIGSNOOP_ORIGIN_PIPE,
	SIGSNOOP_ORIGIN_OOM,
	SIGSNOOP_ORIGIN_CGROUP_DOT_KILL,
	SIGSNOOP_ORIGIN_PARENT_DASH_DEATH,
	SIGSNOOP_ORIGIN_IO,
	SIGSNOOP_ORIGIN_KERNEL,
};

#define SIGSNOOP_FIRST_KERNEL_ORIGIN 7

/* What became of it at once: TRACE_SIGNAL_* of include/trace/events/signal.h. */
enum sigsnoop_result {
	SIGSNOOP_RESULT_QUEUED,
	SIGSNOOP_RESULT_IGNORED,
	SIGSNOOP_RESULT_ALREADY_PENDING,
	SIGSNOOP_RESULT_OVERFLOW,
	SIGSNOOP_RESULT_LOST_INFO,
};

/* How the target stands to the signal. */
enum sigsnoop_disposition {
	SIGSNOOP_DISPOSITION_DEFAULT,
	SIGSNOOP_DISPOSITION_IGNORED,
	SIGSNOOP_DISPOSITION_HANDLER,
};

/* What a send record knows; an unset bit is null in JSON. */
enum sigsnoop_known {
	SIGSNOOP_KNOWN_SENDER = 1,
	SIGSNOOP_KNOWN_TARGET = 2,
	SIGSNOOP_KNOWN_ARGUMENT = 4,	/* target_arg */
	SIGSNOOP_KNOWN_TGID = 8,	/* tgid_arg */
	SIGSNOOP_KNOWN_FLAGS = 16,
	SIGSNOOP_KNOWN_RET = 32,
	SIGSNOOP_KNOWN_CODE = 64,
	SIGSNOOP_KNOWN_VALUE = 128,	/* value: what sigqueue sent */
	SIGSNOOP_KNOWN_ADDRESS = 256,	/* value: where the fault was */
	SIGSNOOP_KNOWN_GENERATED = 512,	/* result, disposition, fatal */
	SIGSNOOP_KNOWN_BLOCKED = 1024,
	SIGSNOOP_KNOWN_RECIPIENTS = 2048,
};

/*
 * One end of a signal. pid, tid and parent_pid are as the tracer's pid namespace
 * numbers them, 0 where that namespace does not hold the process; host_* are the
 * initial namespace's, ns_pid the number in the process's own.
 */
struct sigsnoop_process {
	unsigned int pid;
	unsigned int tid;
	unsigned int host_pid;
	unsigned int host_tid;
	unsigned int ns_pid;
	unsigned int uid;
	unsigned int parent_pid;
	unsigned int parent_host_pid;
	unsigned long long start_ns;
	unsigned long long cgroup_id;
	char comm[SIGSNOOP_COMM_LEN];
	char parent_comm[SIGSNOOP_COMM_LEN];
};

/* One signal to one recipient, or one call that reached none. */
struct sigsnoop_send {
	unsigned int type;
	unsigned int origin;
	unsigned long long id;
	unsigned long long call_id;
	unsigned long long boot_ns;
	unsigned long long value;
	int signo;
	int si_code;
	int ret;
	int target_arg;
	int tgid_arg;
	unsigned int flags;
	unsigned int recipients;
	unsigned int known;
	unsigned char result;
	unsigned char disposition;
	unsigned char blocked;
	unsigned char fatal;
	unsigned char hold;	/* SIGSNOOP_HOLD_*: the record waits for another */
	unsigned char many;	/* of a group send */
	unsigned char spare[2];
	struct sigsnoop_process sender;
	struct sigsnoop_process target;
};

/* Why the reader keeps a record back until it is complete. */
enum sigsnoop_hold {
	SIGSNOOP_HOLD_NOTHING,
	SIGSNOOP_HOLD_GROUP,	/* for the group end with its call_id */
	SIGSNOOP_HOLD_OOM,	/* for an OOM victim of its thread; sender tells which */
};

/* A group send's answer, for the records with that call_id. */
struct sigsnoop_group_end {
	unsigned int type;
	int ret;
	unsigned long long call_id;
	unsigned int recipients;
	unsigned int spare;
};

/* The OOM killer's choice, in the thread that ran it. */
struct sigsnoop_oom_victim {
	unsigned int type;
	unsigned int host_tid;
	unsigned int victim_host_pid;
	unsigned int spare;
};

/* A process, whatever later process has its number: by the initial namespace's pid and its start. */
struct sigsnoop_identity {
	unsigned long long start_ns;
	unsigned int host_pid;
	unsigned int spare;
};

/* Who created a process, noted while those that a followed process has already are taken in. */
struct sigsnoop_creator {
	struct sigsnoop_identity identity;
	unsigned int child_gone;
	unsigned int spare;
};

/* Where signals and calls are counted; of three alike, each ends in one. */
enum sigsnoop_counter {
	/* Signals generated. */
	SIGSNOOP_SIGNAL_SUBMITTED,
	SIGSNOOP_SIGNAL_FILTERED,
	SIGSNOOP_SIGNAL_RING_FULL,
	/* Of those, a process's to one recipient: a call each. */
	SIGSNOOP_SINGLE_SUBMITTED,
	SIGSNOOP_SINGLE_FILTERED,
	SIGSNOOP_SINGLE_RING_FULL,
	/* Calls that generated none. */
	SIGSNOOP_CALL_SUBMITTED,
	SIGSNOOP_CALL_FILTERED,
	SIGSNOOP_CALL_RING_FULL,
	/* Answers of group calls that generated any. */
	SIGSNOOP_GROUP_SUBMITTED,
	SIGSNOOP_GROUP_FILTERED,
	SIGSNOOP_GROUP_RING_FULL,
	SIGSNOOP_GROUP_REMEMBERED,	/* at the first recipient */
	SIGSNOOP_GROUP_STALE,		/* remembered, and its exit never seen */
	SIGSNOOP_GROUP_TABLE_FULL,	/* exit, nothing remembered, and the table was full */
	SIGSNOOP_GROUP_EARLY,		/* exit, nothing remembered: generated before the trace */
	SIGSNOOP_EXITS,			/* exits of the six calls, all */
	SIGSNOOP_FOLLOW_FULL,		/* processes to follow that found no room */
	SIGSNOOP_COUNTERS,
};

struct sigsnoop_counters {
	unsigned long long n[SIGSNOOP_COUNTERS];
};

/* What a filter key is about; the same set holds all filters. */
enum sigsnoop_filter {
	SIGSNOOP_FILTER_SENDER_PID,
	SIGSNOOP_FILTER_TARGET_PID,
	SIGSNOOP_FILTER_SENDER_UID,
	SIGSNOOP_FILTER_TARGET_UID,
	SIGSNOOP_FILTER_SENDER_COMM,
	SIGSNOOP_FILTER_TARGET_COMM,
	SIGSNOOP_FILTER_SENDER_CGROUP,
	SIGSNOOP_FILTER_TARGET_CGROUP,
	SIGSNOOP_FILTERS,
};

struct sigsnoop_filter_key {
	unsigned int filter;
	char value[SIGSNOOP_COMM_LEN];
};

/* Written by user space before the load, and constant to the verifier. */
struct sigsnoop_settings {
	unsigned int layout;	/* what this file was when the object was built */
	unsigned int origins;	/* a bit for each origin let through */
	unsigned int kernel_if_fatal;	/* of the kernel's own, only fatal ones */
	unsigned int filters;	/* a bit for each filter that is set */
	unsigned char filter_signals;
	unsigned char failed_only;
	unsigned char fatal_only;
	unsigned char compat_exits;	/* exits of 32-bit callers are seen too */
	unsigned char calls;	/* exits are watched at all */
	unsigned char follow;	/* only where an end is followed */
	unsigned char spare[2];
	unsigned long long signals[SIGSNOOP_SIGNAL_WORDS];
};

/* A trace begins and ends at one instant on all CPUs, however long attaching takes. */
enum sigsnoop_phase {
	SIGSNOOP_IDLE,
	SIGSNOOP_TRACING,
	SIGSNOOP_DRAINING,	/* only what has begun is completed */
};

/* Written while the programs run. */
struct sigsnoop_live {
	unsigned int phase;
	unsigned int tracer_level;	/* the tracer's pid namespace: how deep, */
	unsigned long long tracer_ns;	/* and which */
	unsigned int refused_any;	/* a group send was not remembered */
	unsigned int reader_sleeps;	/* set by the reader, cleared by the record that wakes it */
	unsigned int taking_in;	/* who creates whom is noted */
	unsigned int spare;
};

#endif
