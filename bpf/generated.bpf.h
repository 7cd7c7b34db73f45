/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The signal that is being generated on this CPU, as far as it is known. */
#ifndef SIGSNOOP_GENERATED_BPF_H
#define SIGSNOOP_GENERATED_BPF_H

/* A signal as signal_generate shows it. */
struct generated {
	int signo;
	__u64 info;	/* the siginfo's address, NOINFO or PRIV; a number, so that it is not followed */
	__u64 task;	/* the target: a number too, as a key; and its process */
	__u64 signal;
	__u64 started_ns;	/* the process */
	__u32 signal_flags;
	int result;
	bool group;
	bool own;	/* the current process is the target */
	bool own_thread;
	int si_code;
	__u64 boot_ns;
	__u32 current_flags;
	struct syscall call;
	/* Found out in this order. */
	enum sigsnoop_origin origin;
	bool many;	/* of a group send, */
	bool counted;	/* of which it is known who was reached */
	bool by_current;	/* the current process is the sender */
	__u64 child;	/* else it is this task, which a SIGCHLD tells of; 0 for none */
	int blocked;
	__u64 id;
	__u64 call_id;
};

/*
 * Not on the stack: of what lies there the verifier follows every value through
 * all that comes after, and kernel 5.10 gives up. The signal lock holds
 * interrupts off, so a CPU is in one signal at a time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct generated);
} scratch SEC(".maps");

#endif
