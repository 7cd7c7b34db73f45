/* SPDX-License-Identifier: MIT */
/*
 * A process that makes any call on command, a line each on stdin, and answers
 * each line with numbers. Calls answer what they returned, a failure as -errno.
 *
 *   call NAME A B C D     one system call, by name
 *   call32 NAME A B C D   the same as a 32-bit program makes it (int 0x80)
 *   flood THREADS COUNT NAME A B C D
 *       each thread (0: the main one) makes COUNT calls; COUNT 0: until the next
 *       line. Answers FAILED, then TID CALLS of each thread.
 *       An argument is a number, or one of pid, tid, info, info32, bad: who
 *       calls, the siginfo in either layout, and a pointer to nothing.
 *   info SIGNAL CODE VALUE  what that siginfo says
 *   in N COMMAND          a command in thread N, from 0
 *   threads N             starts so many; answers their tids
 *   action SIGNAL WHAT    0: default, 1: ignored, 2: a handler
 *   mask HOW SIGNAL       1: block, 0: unblock, in the thread
 *   pending LIMIT         how many signals of this user may be queued
 *   uid ID                become that user for good
 *   name HEX              names the process by these bytes
 *   open PATH             answers a descriptor
 *   children N UID GROUP  forks N that wait to be killed, as UID, in the group of
 *                         the first (1) or of this process (0); answers their pids
 *   reap N                waits for the end of N children
 *   brief N SIGNAL TARGET N children, each sends and ends at once; answers their pids
 *
 * Run with the argument "execs", it executes itself for ever, from ever new threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define MOST_THREADS 512
#define STACK 65536

static const struct {
	const char *name;
	long number, number32;
} calls[] = {
	{ "kill", SYS_kill, 37 },
	{ "tkill", SYS_tkill, 238 },
	{ "tgkill", SYS_tgkill, 270 },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, 178 },
	{ "rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, 335 },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, 424 },
	{ "pidfd_open", SYS_pidfd_open, 434 },
	/* Numbers that are a kill in the other world. */
#ifdef SYS_alarm
	{ "alarm", SYS_alarm, 62 },
#endif
	/* x32: as programs with 32-bit pointers make it. */
	{ "x32_kill", 0x40000000 | 62, 0 },
};

struct call {
	long number, number32;
	long args[4];
};

struct thread {
	pthread_t thread;
	sem_t start, done;
	int tid;
	char line[256];
};

static struct thread threads[MOST_THREADS];
static int started;

/* In the lowest 2 GiB, where 32-bit callers can point. */
static struct infos {
	char wide[128], narrow[128];
} *infos;

static long argument(const char *text)
{
	if (!strcmp(text, "pid"))
		return getpid();
	if (!strcmp(text, "tid"))
		return syscall(SYS_gettid);
	if (!strcmp(text, "info"))
		return (long)infos->wide;
	if (!strcmp(text, "info32"))
		return (long)infos->narrow;
	if (!strcmp(text, "bad"))
		return 16;
	return strtoll(text, NULL, 0);
}

static struct call parse(const char *text)
{
	char name[32], args[4][32] = { "0", "0", "0", "0" };
	struct call call = {};

	sscanf(text, "%31s %31s %31s %31s %31s", name, args[0], args[1], args[2], args[3]);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(calls[i].name, name))
			continue;
		call.number = calls[i].number;
		call.number32 = calls[i].number32;
		for (int j = 0; j < 4; j++)
			call.args[j] = argument(args[j]);
		return call;
	}
	exit(5);
}

static long make(const struct call *call)
{
	const long *a = call->args;
	long ret = syscall(call->number, a[0], a[1], a[2], a[3]);

	return ret < 0 ? -errno : ret;
}

static long make32(const struct call *call)
{
#ifdef __x86_64__
	const long *a = call->args;
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(call->number32), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3])
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
#else
	return call ? -ENOSYS : 0;
#endif
}

static void set_info(int signal, int code, uint64_t value)
{
	memset(infos, 0, sizeof(*infos));
	memcpy(infos->wide, &signal, 4);
	memcpy(infos->narrow, &signal, 4);
	memcpy(infos->wide + 8, &code, 4);
	memcpy(infos->wide + 24, &value, 8);
	memcpy(infos->narrow + 8, &code, 4);
	memcpy(infos->narrow + 20, &value, 4);
}

struct work {
	pthread_t thread;
	struct call call;
	long count, made, failed;
	int tid;
};

static atomic_bool enough;

static void *flood_one(void *argument)
{
	struct work *work = argument;

	work->tid = syscall(SYS_gettid);
	while (work->count ? work->made < work->count : !atomic_load(&enough)) {
		work->failed += make(&work->call) < 0;
		work->made++;
	}
	return NULL;
}

static void flood(int n, long count, struct call call)
{
	static struct work works[MOST_THREADS];
	char line[16];
	long failed = 0;

	atomic_store(&enough, 0);
	for (int i = 0; i < (n ? n : 1); i++) {
		works[i] = (struct work){ .call = call, .count = count };
		if (!n)
			flood_one(&works[i]);
		else if (pthread_create(&works[i].thread, NULL, flood_one, &works[i]))
			exit(3);
	}
	if (!count && !fgets(line, sizeof(line), stdin))
		exit(4);
	atomic_store(&enough, 1);
	for (int i = 0; i < n; i++)
		pthread_join(works[i].thread, NULL);
	for (int i = 0; i < (n ? n : 1); i++)
		failed += works[i].failed;
	printf("%ld", failed);
	for (int i = 0; i < (n ? n : 1); i++)
		printf(" %d %ld", works[i].tid, works[i].made);
}

static void handle(int signal)
{
	(void)signal;
}

static void act(int signal, int what)
{
	struct sigaction action = { .sa_flags = SA_RESTART };

	action.sa_handler = what == 2 ? handle : what == 1 ? SIG_IGN : SIG_DFL;
	printf("%d", sigaction(signal, &action, NULL));
}

/* By the kernel's own call: the C library keeps 32 and 33 from being blocked. */
static void mask(int how, int signal)
{
	uint64_t set = 1ull << (signal - 1);

	printf("%ld", syscall(SYS_rt_sigprocmask, how ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL, 8));
}

static void children(int n, int uid, int group)
{
	pid_t leader = 0;
	int ready[2];

	fflush(stdout);
	if (pipe(ready))
		exit(6);
	for (int i = 0; i < n; i++) {
		pid_t child = fork();

		if (child < 0)
			exit(7);
		if (!child) {
			if (group)
				setpgid(0, leader);
			if (uid && setresuid(uid, uid, uid))
				_exit(1);
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (write(ready[1], "", 1) != 1)
				_exit(2);
			for (;;)
				pause();
		}
		if (group)
			setpgid(child, leader);
		leader = leader ? leader : child;
		printf("%s%d", i ? " " : "", child);
	}
	for (int i = 0; i < n; i++) {
		char byte;

		while (read(ready[0], &byte, 1) < 0)
			;
	}
	close(ready[0]);
	close(ready[1]);
}

static void brief(int n, int signal, int target)
{
	fflush(stdout);
	for (int i = 0; i < n; i++) {
		pid_t child = vfork();

		if (!child) {
			syscall(SYS_kill, target, signal);
			_exit(0);
		}
		waitpid(child, NULL, 0);
		printf("%s%d", i ? " " : "", child);
	}
}

static void run(const char *line);

static void *obey(void *argument)
{
	struct thread *thread = argument;

	thread->tid = syscall(SYS_gettid);
	sem_post(&thread->done);
	for (;;) {
		while (sem_wait(&thread->start))
			;
		run(thread->line);
		sem_post(&thread->done);
	}
	return NULL;
}

static void start(int n)
{
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	for (int i = 0; i < n; i++) {
		struct thread *thread = &threads[started++];

		sem_init(&thread->start, 0, 0);
		sem_init(&thread->done, 0, 0);
		if (pthread_create(&thread->thread, &small, obey, thread))
			exit(3);
		while (sem_wait(&thread->done))
			;
		printf("%s%d", i ? " " : "", thread->tid);
	}
}

static void in_thread(int n, const char *line)
{
	snprintf(threads[n].line, sizeof(threads[n].line), "%s", line);
	sem_post(&threads[n].start);
	while (sem_wait(&threads[n].done))
		;
}

static void name(const char *hex)
{
	char comm[16] = "";
	unsigned int byte;

	for (int i = 0; i < 15 && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		comm[i] = byte;
	printf("%d", prctl(PR_SET_NAME, comm));
}

static void run(const char *line)
{
	struct rlimit limit = {};
	long long value;
	char text[128];
	struct call call;
	int a, b, c;
	long count;

	if (!strncmp(line, "call ", 5)) {
		call = parse(line + 5);
		printf("%ld", make(&call));
	} else if (!strncmp(line, "call32 ", 7)) {
		call = parse(line + 7);
		printf("%ld", make32(&call));
	} else if (sscanf(line, "flood %d %ld %n", &a, &count, &c) == 2) {
		flood(a, count, parse(line + c));
	} else if (sscanf(line, "info %d %d %lli", &a, &b, &value) == 3) {
		set_info(a, b, value);
		printf("0");
	} else if (sscanf(line, "in %d %n", &a, &c) == 1) {
		in_thread(a, line + c);
	} else if (sscanf(line, "threads %d", &a) == 1) {
		start(a);
	} else if (sscanf(line, "action %d %d", &a, &b) == 2) {
		act(a, b);
	} else if (sscanf(line, "mask %d %d", &a, &b) == 2) {
		mask(a, b);
	} else if (sscanf(line, "pending %d", &a) == 1) {
		limit.rlim_cur = limit.rlim_max = a;
		printf("%d", setrlimit(RLIMIT_SIGPENDING, &limit));
	} else if (sscanf(line, "uid %d", &a) == 1) {
		printf("%d", setresuid(a, a, a));
	} else if (sscanf(line, "name %127s", text) == 1) {
		name(text);
	} else if (sscanf(line, "open %127s", text) == 1) {
		printf("%d", open(text, O_RDONLY | O_CLOEXEC));
	} else if (sscanf(line, "children %d %d %d", &a, &b, &c) == 3) {
		children(a, b, c);
	} else if (sscanf(line, "reap %d", &a) == 1) {
		for (b = 0; b < a && wait(NULL) > 0; b++)
			;
		printf("%d", b);
	} else if (sscanf(line, "brief %d %d %d", &a, &b, &c) == 3) {
		brief(a, b, c);
	} else {
		exit(8);
	}
}

/*
 * Whatever whoever started this ignores: make's children ignore 32 and 33, since glibc's
 * posix_spawn does that. By the kernel's own call, as the C library keeps those two to itself.
 */
static void take_defaults(void)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} action = {};

	for (int signal = 1; signal <= 64; signal++)
		syscall(SYS_rt_sigaction, signal, &action, NULL, 8);
}

static void *exec_again(void *argv)
{
	execv("/proc/self/exe", argv);
	exit(9);
}

int main(int argc, char **argv)
{
	char line[256];
	pthread_t thread;

	if (argc > 1) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, exec_again, argv))
			return 3;
		pthread_join(thread, NULL);
	}
	take_defaults();
#ifdef MAP_32BIT
	infos = mmap(NULL, sizeof(*infos), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
#else
	infos = calloc(1, sizeof(*infos));
#endif
	if (infos == MAP_FAILED || !infos)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		run(line);
		printf("\n");
		fflush(stdout);
	}
	return 0;
}
