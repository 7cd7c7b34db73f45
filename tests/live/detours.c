/* SPDX-License-Identifier: MIT */
/*
 * A process that meets signals which were not generated as it takes them, or makes
 * calls that are never carried out: detours WHAT ARGUMENTS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "actor.h"

static volatile sig_atomic_t handled;

static void note(int signo, siginfo_t *info, void *context)
{
	handled++;
}

static void sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static void mask(int how, int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	must(!sigprocmask(how, &set, NULL));
}

/*
 * forks COUNT SIGNO: creates children in a group of its own, which all that is not meant
 * for them lets end at once; says how many SIGNO ended, which it blocks itself.
 */
static void forks(const long n[3])
{
	int status, ended = 0;
	pid_t child;

	must(!setpgid(0, 0));
	mask(SIG_BLOCK, n[1]);
	ready(0);
	for (long i = 0; i < n[0]; i++) {
		child = fork();
		must(child >= 0);
		if (!child) {
			mask(SIG_UNBLOCK, n[1]);
			_exit(0);
		}
		must(waitpid(child, &status, 0) == child);
		ended += WIFSIGNALED(status) && WTERMSIG(status) == n[1];
	}
	printf("%d\n", ended);
}

/* aside SIGNO: a periodic timer's signal, ignored at first; says how often it was handled. */
static void aside(const long n[3])
{
	struct itimerspec every = { { 0, 20000000 }, { 0, 20000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = n[0] };
	timer_t timer;

	signal(n[0], SIG_IGN);
	ready(0);
	must(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	must(!timer_settime(timer, 0, &every, NULL));
	sleep_ms(70);
	handle(n[0], note);
	sleep_ms(50);
	must(!timer_delete(timer));
	printf("%d\n", handled);
}

/*
 * timers SIGNO: one's signal is ignored and set aside, and its timer gone; then two more wait
 * beside each other, blocked. Says the values of those that were handled, in that order.
 */
static long long values[8];

static void note_value(int signo, siginfo_t *info, void *context)
{
	values[handled++ % 8] = info->si_value.sival_int;
}

static timer_t timer_of(int signo, int value, long every_ms)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
	struct itimerspec when = { { 0, every_ms * 1000000 }, { 0, 1000000 } };
	timer_t timer;

	event.sigev_value.sival_int = value;
	must(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	must(!timer_settime(timer, 0, &when, NULL));
	return timer;
}

static void timers(const long n[3])
{
	timer_t first;

	signal(n[0], SIG_IGN);
	ready(0);
	first = timer_of(n[0], 1, 500);
	sleep_ms(20);
	must(!timer_delete(first));
	mask(SIG_BLOCK, n[0]);
	handle(n[0], note_value);
	timer_of(n[0], 2, 0);
	timer_of(n[0], 3, 0);
	sleep_ms(20);
	mask(SIG_UNBLOCK, n[0]);
	for (int i = 0; i < handled; i++)
		printf("%lld ", values[i]);
	printf("\n");
}

/*
 * stopped NUMBER ANSWER: seccomp stops kill() with SIGSYS (ANSWER 0), or answers with that
 * error; then it is called for a child (NUMBER 1) or for a group of no process (-1).
 */
static void stopped(const long n[3])
{
	unsigned int answer = n[1] ? SECCOMP_RET_ERRNO | n[1] : SECCOMP_RET_TRAP;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };
	pid_t child = child_of_ours();

	if (!child)
		wait_for_ever();
	handle(SIGSYS, note);
	ready(child);
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	syscall(SYS_kill, n[0] * child, 0);
	syscall(SYS_kill, n[0] * child, SIGTERM);
	printf("%d\n", handled);
}

/* A child that ends with SIGNO in place of SIGCHLD, and has a debugger that waits for it first. */
static void reaped(const long n[3])
{
	struct clone_args how = { .exit_signal = n[0] };
	pid_t child, debugger;
	int orders[2];
	char byte;

	handle(n[0], note);
	must(!pipe(orders));
	child = syscall(SYS_clone3, &how, sizeof(how));
	must(child >= 0);
	if (!child) {
		must(read(orders[0], &byte, 1) == 1);
		_exit(0);
	}
	ready(child);
	debugger = child_of_ours();
	if (!debugger) {
		must(!ptrace(PTRACE_SEIZE, child, 0, 0));
		must(write(orders[1], "x", 1) == 1);
		must(waitpid(child, NULL, __WALL) == child);
		_exit(0);
	}
	must(waitpid(debugger, NULL, 0) == debugger);
	must(waitpid(child, NULL, __WALL) == child);
	printf("%d\n", handled);
}

int main(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "forks", forks },
		{ "aside", aside },
		{ "timers", timers },
		{ "stopped", stopped },
		{ "reaped", reaped },
		{}
	};

	return act(acts, argc, argv);
}
