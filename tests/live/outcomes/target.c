/* SPDX-License-Identifier: MIT */
/*
 * A process that meets signals in any way on command, a line each on stdin, and
 * answers each with numbers. What its handler saw, and when, is the truth that
 * the tests hold the tracer against.
 *
 *   handle N, default N, ignore N    how it stands to a signal
 *   block N, unblock N   in the thread
 *   seen                 N, tid, ns on the boot clock and value, of each that was handled
 *   wait N MS            takes one by sigtimedwait; answers its value, or -1
 *   read N               takes one from a signalfd; answers its value
 *   threads N            starts so many; answers their tids
 *   in I COMMAND         a command in thread I, from 0
 *   group                becomes the leader of a process group
 *   raise N, fault, abort, exit N, strict    its own end
 *   leave                the first thread ends; another obeys from then on
 *   exec                 executes itself, in this thread
 *   trace PID SIGNAL COUNT   attaches as a debugger; of the next COUNT signals passes on SIGNAL
 *                        in place of each (0: nothing, -1: the signal itself)
 */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_SEEN 4096
#define MOST_THREADS 64

static struct seen {
	int signo, tid;
	long long ns, value;
} seen[MOST_SEEN];
static volatile int seen_count;

static struct thread {
	sem_t start, done;
	int tid;
	char line[128];
} threads[MOST_THREADS];
static int started;
static char **self;

static void run(const char *line);

static void handler(int signo, siginfo_t *info, void *context)
{
	struct timespec now;
	int at = __atomic_fetch_add(&seen_count, 1, __ATOMIC_RELAXED);

	clock_gettime(CLOCK_BOOTTIME, &now);
	if (at < MOST_SEEN)
		seen[at] = (struct seen){ signo, syscall(SYS_gettid),
					  now.tv_sec * 1000000000ll + now.tv_nsec,
					  (long)info->si_value.sival_ptr };
}

static void act(int signo, void (*how)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART };

	action.sa_sigaction = how;
	sigaction(signo, &action, NULL);
	printf("0");
}

static sigset_t set_of(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	return set;
}

static void wait_for(int signo, long ms)
{
	struct timespec limit = { ms / 1000, ms % 1000 * 1000000 };
	sigset_t set = set_of(signo);
	siginfo_t info;

	printf("%ld", sigtimedwait(&set, &info, &limit) < 0 ? -1 : (long)info.si_value.sival_ptr);
}

static void read_fd(int signo)
{
	sigset_t set = set_of(signo);
	struct signalfd_siginfo info;
	int fd = signalfd(-1, &set, SFD_CLOEXEC);

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		exit(3);
	close(fd);
	printf("%ld", (long)info.ssi_ptr);
}

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
	pthread_t ignored;

	for (int i = 0; i < n; i++) {
		struct thread *thread = &threads[started++];

		sem_init(&thread->start, 0, 0);
		sem_init(&thread->done, 0, 0);
		if (pthread_create(&ignored, NULL, obey, thread))
			exit(3);
		while (sem_wait(&thread->done))
			;
		printf("%s%d", i ? " " : "", thread->tid);
	}
}

static void *loop(void *argument)
{
	char line[128];

	while (fgets(line, sizeof(line), stdin)) {
		run(line);
		printf("\n");
		fflush(stdout);
	}
	exit(0);
}

static void leave(void)
{
	pthread_t ignored;

	printf("0\n");
	fflush(stdout);
	if (pthread_create(&ignored, NULL, loop, NULL))
		exit(3);
	/* The C library's own waits for the others. */
	syscall(SYS_exit, 0);
}

/* Its debugger stops a process at each signal; SIGKILL alone passes by. */
static void trace(int pid, int signo, int count)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		exit(3);
	printf("0\n");
	fflush(stdout);
	for (int i = 0; i < count; i++) {
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			break;
		ptrace(PTRACE_CONT, pid, 0, signo < 0 ? WSTOPSIG(status) : signo);
	}
	printf("%d", count);
}

static void run(const char *line)
{
	sigset_t set;
	char word[32];
	int a = 0, b = 0, c = 0, at = 0;

	sscanf(line, "%31s %n%d %d %d", word, &at, &a, &b, &c);
	if (!strcmp(word, "handle")) {
		act(a, handler);
	} else if (!strcmp(word, "default")) {
		act(a, (void *)SIG_DFL);
	} else if (!strcmp(word, "ignore")) {
		act(a, (void *)SIG_IGN);
	} else if (!strcmp(word, "block") || !strcmp(word, "unblock")) {
		set = set_of(a);
		printf("%d", pthread_sigmask(*word == 'b' ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL));
	} else if (!strcmp(word, "seen")) {
		for (int i = 0; i < seen_count && i < MOST_SEEN; i++)
			printf("%d %d %lld %lld ", seen[i].signo, seen[i].tid, seen[i].ns,
			       seen[i].value);
	} else if (!strcmp(word, "wait")) {
		wait_for(a, b);
	} else if (!strcmp(word, "read")) {
		read_fd(a);
	} else if (!strcmp(word, "threads")) {
		start(a);
	} else if (!strcmp(word, "in")) {
		sscanf(line, "in %d %n", &a, &at);
		snprintf(threads[a].line, sizeof(threads[a].line), "%s", line + at);
		sem_post(&threads[a].start);
		while (sem_wait(&threads[a].done))
			;
	} else if (!strcmp(word, "group")) {
		printf("%d", setpgid(0, 0));
	} else if (!strcmp(word, "raise")) {
		printf("%d", raise(a));
	} else if (!strcmp(word, "fault")) {
		volatile int *volatile nowhere = (void *)16;

		*nowhere = 1;
	} else if (!strcmp(word, "abort")) {
		abort();
	} else if (!strcmp(word, "exit")) {
		exit(a);
	} else if (!strcmp(word, "strict")) {
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		syscall(SYS_getpid);
	} else if (!strcmp(word, "leave")) {
		leave();
	} else if (!strcmp(word, "exec")) {
		execv("/proc/self/exe", self);
		exit(3);
	} else if (!strcmp(word, "trace")) {
		trace(a, b, c);
	} else {
		exit(4);
	}
}

int main(int argc, char **argv)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} action = {};

	/* Whatever whoever started this ignores. */
	for (int signo = 1; signo <= 64; signo++)
		syscall(SYS_rt_sigaction, signo, &action, NULL, 8);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	self = argv;
	printf("%d\n", getpid());
	fflush(stdout);
	loop(NULL);
	return 0;
}
