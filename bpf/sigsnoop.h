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

/* How much of a stack is told: frames, and bytes from the stack pointer up. */
#define SIGSNOOP_KERNEL_FRAMES 32
#define SIGSNOOP_USER_FRAMES 64
#define SIGSNOOP_STACK_MEMORY 4096
/* The kernel's struct bpf_stack_build_id, 32 bytes, for each user frame. */
#define SIGSNOOP_STACK_IDS 2048

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
	SIGSNOOP_DELIVERY,
	SIGSNOOP_DEATH,
	SIGSNOOP_DETAILS,	/* more of an end; a companion, just before its send */
	SIGSNOOP_STACK,		/* of a send's thread; a companion too */
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

/* What became of a send, as far as it is known when it is handed out; NONE: nothing was sent. */
enum sigsnoop_outcome {
	SIGSNOOP_OUTCOME_NONE,
	SIGSNOOP_OUTCOME_PENDING,
	SIGSNOOP_OUTCOME_DELIVERED,
	SIGSNOOP_OUTCOME_STOPPED,
	SIGSNOOP_OUTCOME_CONTINUED,
	SIGSNOOP_OUTCOME_DIED,
	SIGSNOOP_OUTCOME_DISCARDED,
	SIGSNOOP_OUTCOME_UNKNOWN,
};

/* What a delivery or a death did. */
enum sigsnoop_action {
	SIGSNOOP_ACTION_HANDLER,	/* ran the handler */
	SIGSNOOP_ACTION_DEFAULT,	/* began to end the process, by default */
	SIGSNOOP_ACTION_STOP,		/* stopped the process */
	SIGSNOOP_ACTION_IGNORE,		/* nothing: ignored, or the default does nothing */
	SIGSNOOP_ACTION_UNKNOWN,	/* a stop, or nothing: its process group is too large to tell */
	SIGSNOOP_ACTION_KILLED,		/* the process died of the signal */
	SIGSNOOP_ACTION_EXITED,		/* the process ended by itself */
};

/* Why a delivery or a death names no send. UNSEEN: user space works out which of the others. */
enum sigsnoop_no_send {
	SIGSNOOP_NO_SEND_SENT,		/* it does name one */
	SIGSNOOP_NO_SEND_NONE,		/* nothing was sent: an exit, seccomp */
	SIGSNOOP_NO_SEND_BEFORE,	/* sent before the trace began */
	SIGSNOOP_NO_SEND_LOST,		/* its send was lost */
	SIGSNOOP_NO_SEND_UNKNOWN,	/* two sends that cannot be told apart, a debugger, or unclear */
	SIGSNOOP_NO_SEND_PARENT,	/* sent to the parent, and passed on by a fork: send_id says that */
	SIGSNOOP_NO_SEND_UNSEEN,
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
	SIGSNOOP_KNOWN_ALLOCATOR = 4096,	/* of an OOM kill: sender is who asked for memory */
	SIGSNOOP_KNOWN_MEMORY = 8192,	/* of an OOM kill, see struct sigsnoop_oom_victim */
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
	unsigned char outcome;
	unsigned char companions;	/* how many records with its key came before it */
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

/*
 * The OOM killer's choice, in the thread that ran it. No call sent its signal, so in
 * the send's record the figures stand in a call's place: in value, ret, target_arg,
 * tgid_arg, flags and recipients, in this order. vm and rss in pages.
 */
struct sigsnoop_oom_victim {
	unsigned int type;
	unsigned int host_tid;
	unsigned int victim_host_pid;
	unsigned int known;
	unsigned long long vm;
	unsigned int anon_rss;
	unsigned int file_rss;
	unsigned int shmem_rss;
	unsigned int pgtables_kb;
	int score_adj;
	unsigned int spare;
	struct sigsnoop_process allocator;
};

/* A delivery of a signal, or the end of a process; smaller than a send. */
struct sigsnoop_end {
	unsigned int type;
	int signo;		/* 0: ended by itself */
	unsigned long long send_id;
	unsigned long long boot_ns;
	unsigned long long delay_ns;	/* since the send, or that to the parent; 0 without one */
	int status;		/* of a death: as wait() tells it */
	unsigned char action;
	unsigned char no_send;
	unsigned char spare[2];
	struct sigsnoop_process target;
};

/*
 * Companions say more of a send, and come before it, from the same run of the same
 * program. All begin so. The key is the send's id; of a send without one, which the
 * exit of a call tells, twice the thread's number in the initial namespace: even,
 * as no id is.
 */
struct sigsnoop_companion {
	unsigned int type;
	unsigned int spare;
	unsigned long long key;
};

/* A companion: the stack of the thread in which a send happened. */
struct sigsnoop_stack {
	unsigned int type;
	unsigned int spare;
	unsigned long long key;
	unsigned long long boot_ns;
	unsigned int pid;	/* of the process, as sigsnoop_process has it */
	unsigned int kernel_count;
	unsigned int user_count;
	unsigned int id_count;
	unsigned int memory_size;
	unsigned int exe_device;
	unsigned long long start_ns;
	/* With the time of its start they tell a process from what it was before an exec. */
	unsigned long long start_code;
	unsigned long long start_stack;
	/* Its file: inode number, and the file system's device as the kernel has it. */
	unsigned long long exe_inode;
	/* Registers in user space: stack, frame, and (arm64) link. */
	unsigned long long sp;
	unsigned long long bp;
	unsigned long long lr;
	char comm[SIGSNOOP_COMM_LEN];
	/* Innermost first; what lies beyond the counts is not cleared. */
	unsigned long long kernel[SIGSNOOP_KERNEL_FRAMES];
	unsigned long long user[SIGSNOOP_USER_FRAMES];
	char ids[SIGSNOOP_STACK_IDS];
	char memory[SIGSNOOP_STACK_MEMORY];
};

#define SIGSNOOP_PARENTS 8
/* Bytes of a command line that are kept, and of a path before its last component. */
#define SIGSNOOP_CMDLINE_LEN 512
#define SIGSNOOP_EXE_LEN 512

/* Which ends a record of details is about: both, where a thread signals itself. */
enum sigsnoop_side {
	SIGSNOOP_SIDE_SENDER = 1,
	SIGSNOOP_SIDE_TARGET = 2,
};

enum sigsnoop_detail {
	SIGSNOOP_DETAIL_CMDLINE = 1,
	SIGSNOOP_DETAIL_CMDLINE_CUT = 2,	/* there is more of it */
	SIGSNOOP_DETAIL_TITLE = 4,	/* one string, written over the arguments */
	SIGSNOOP_DETAIL_ELSEWHERE = 8,	/* the command line is in memory that was not at hand */
	SIGSNOOP_DETAIL_EXE = 16,
	SIGSNOOP_DETAIL_EXE_CUT = 32,	/* its beginning is missing */
	SIGSNOOP_DETAIL_EXE_DELETED = 64,
	SIGSNOOP_DETAIL_LOGIN = 128,	/* loginuid, sessionid */
};

/* Numbers as in struct sigsnoop_process. */
struct sigsnoop_parent {
	unsigned int pid;
	unsigned int host_pid;
	char comm[SIGSNOOP_COMM_LEN];
};

/*
 * Details of an end. Behind it lies text: cmdline_size bytes of the command line,
 * then exe_size of the path, its last component first, a NUL after each.
 */
struct sigsnoop_details {
	unsigned int type;
	unsigned int sides;
	unsigned long long key;
	/* These tell one program of a process from the next that it executes. */
	unsigned long long exec_id;
	unsigned long long arg_start;
	unsigned long long arg_end;
	unsigned int known;
	unsigned int loginuid;
	unsigned int sessionid;
	unsigned int cmdline_size;
	unsigned int exe_size;
	unsigned int parent_count;	/* nearest first */
	struct sigsnoop_parent parents[SIGSNOOP_PARENTS];
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
	/* Signals generated: the kernel's own, and group sends'; */
	SIGSNOOP_SIGNAL_SUBMITTED,
	SIGSNOOP_SIGNAL_FILTERED,
	SIGSNOOP_SIGNAL_RING_FULL,
	/* and a process's to one recipient: a call each too. */
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
	SIGSNOOP_SINGLE_EXITS,		/* exits of calls that generated a signal for one recipient */
	SIGSNOOP_SINGLE_NO_EXIT,	/* such calls whose exit nothing sees */
	/* Deliveries seen, but for those of SIGKILL, which say nothing; and ends of processes. */
	SIGSNOOP_DELIVERY_SUBMITTED,
	SIGSNOOP_DELIVERY_FILTERED,
	SIGSNOOP_DELIVERY_RING_FULL,
	SIGSNOOP_DEATH_SUBMITTED,
	SIGSNOOP_DEATH_FILTERED,
	SIGSNOOP_DEATH_RING_FULL,
	/* Sends remembered until their end, and forgotten at it; what is neither there was evicted. */
	SIGSNOOP_LINK_ADDED,
	SIGSNOOP_LINK_REMOVED,
	SIGSNOOP_DETAILS_RING_FULL,	/* of sends that were submitted */
	SIGSNOOP_STACK_RING_FULL,	/* the same */
	/* What the OOM killer says of its victims. */
	SIGSNOOP_OOM_SUBMITTED,
	SIGSNOOP_OOM_RING_FULL,
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

/* Words of a bit for each pid, PID_MAX_LIMIT of them, include/linux/threads.h, and one more. */
#define SIGSNOOP_PID_WORDS 65537

struct sigsnoop_filter_key {
	unsigned int filter;
	char value[SIGSNOOP_COMM_LEN];
};

/* Written by user space before the load, and constant to the verifier. */
struct sigsnoop_settings {
	unsigned int layout;	/* what this file was when the object was built */
	unsigned int origins;	/* a bit for each origin let through */
	unsigned int filters;	/* a bit for each filter that is set */
	unsigned char kernel_if_fatal;	/* of the kernel's own, only fatal ones */
	unsigned char filter_signals;
	unsigned char failed_only;
	unsigned char fatal_only;
	unsigned char compat_exits;	/* exits of 32-bit callers are seen too */
	unsigned char calls;	/* exits are watched at all */
	unsigned char outcomes;	/* deliveries and deaths are watched */
	unsigned char unlinked;	/* and told where their send is not known */
	unsigned char exits;	/* ends without a signal are told */
	unsigned char details;	/* told of both ends */
	unsigned char stacks;	/* a stack for each send */
	unsigned char follow;	/* only where an end is followed */
	unsigned char direct;	/* the verifier knows what tasks are, */
	unsigned char casts;	/* and can be told what any address is */
	unsigned char iterates;	/* the kernel counts the turns of loops */
	unsigned char spare;
	/* The kernel's ids of what addresses are cast to. */
	unsigned int task_struct;
	unsigned int kernel_siginfo;
	unsigned int pid_namespace;
	unsigned int xa_node;
	unsigned int pt_regs;
	unsigned int k_sigaction;
	unsigned int tick_us;	/* how long a tick of the kernel's timer is, rounded down */
	unsigned long long signals[SIGSNOOP_SIGNAL_WORDS];
};

/* At how many levels of the tree cgroups can be wanted. */
#define SIGSNOOP_CGROUP_LEVELS 32

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
	unsigned long long held_ns;	/* when the last SIGKILL that may be the OOM killer's was told */
	unsigned long long began_ns;	/* when the trace did */
	unsigned int taking_in;	/* who creates whom is noted */
	unsigned int spare;
	/* At which levels below the root cgroups are wanted, ascending; the rest are deeper than any. */
	unsigned int cgroup_levels[SIGSNOOP_CGROUP_LEVELS];
};

#endif
