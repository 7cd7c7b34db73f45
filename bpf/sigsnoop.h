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

/* The first member of every record. */
enum sigsnoop_record_type {
	SIGSNOOP_SEND = 1,
};

/* How a signal was sent. The names in JSON are these, in lower case. */
enum sigsnoop_origin {
	SIGSNOOP_ORIGIN_KILL = 1,
};

/*
 * One end of a signal. pid and tid are as the tracer's pid namespace numbers
 * them, 0 where that namespace does not hold the process; host_pid and host_tid
 * are the initial namespace's.
 */
struct sigsnoop_process {
	unsigned int pid;
	unsigned int tid;
	unsigned int host_pid;
	unsigned int host_tid;
	unsigned int uid;
	char comm[SIGSNOOP_COMM_LEN];
};

/* One call that sends a signal, as it stood when the call returned. */
struct sigsnoop_send {
	unsigned int type;
	unsigned int origin;
	unsigned long long boot_ns;
	int signo;
	int target_arg;
	int ret;
	struct sigsnoop_process sender;
};

/* Where a call is counted; each call ends in exactly one of the first five. */
enum sigsnoop_counter {
	SIGSNOOP_SUBMITTED,	/* handed to the ring */
	SIGSNOOP_FILTERED,	/* refused by a filter, at enter or at exit */
	SIGSNOOP_RING_FULL,	/* complete, and no room in the ring */
	SIGSNOOP_TABLE_FULL,	/* seen at enter, and no room to remember it */
	SIGSNOOP_EXIT_MISSED,	/* remembered, and the thread entered again */
	SIGSNOOP_REMEMBERED,	/* stored at enter */
	SIGSNOOP_COMPLETED,	/* found again at exit */
	SIGSNOOP_ENTER_REFUSED,	/* seen at enter and not stored: filter, or table full */
	SIGSNOOP_EXIT_UNKNOWN,	/* seen at exit, with nothing stored */
	SIGSNOOP_COUNTERS = 16,	/* two cache lines for each CPU */
};

struct sigsnoop_counters {
	unsigned long long n[SIGSNOOP_COUNTERS];
};

/* Written by user space before the load, and constant to the verifier. */
struct sigsnoop_settings {
	unsigned int layout;	/* what this file was when the object was built */
	unsigned char filter_signals;
	unsigned char filter_senders;
	unsigned char filter_targets;
	unsigned char failed_only;
	unsigned long long signals[SIGSNOOP_SIGNAL_WORDS];
};

/*
 * A trace begins and ends at one instant on all CPUs, however long attaching
 * takes: calls that entered before TRACING are in flight, as are those that
 * have not left when the exit program is detached after DRAINING.
 */
enum sigsnoop_phase {
	SIGSNOOP_IDLE,
	SIGSNOOP_TRACING,
	SIGSNOOP_DRAINING,
};

/* Written while the programs run. */
struct sigsnoop_live {
	unsigned int phase;
	unsigned int tracer_level;	/* the tracer's pid namespace: how deep, */
	unsigned long long tracer_ns;	/* and which */
};

#endif
