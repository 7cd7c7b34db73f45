/* SPDX-License-Identifier: MIT */
/*
 * A process that a timer or a limit signals: timers WHAT ARGUMENTS. Signals do to it what they
 * do by default, but in race.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include "actor.h"

static volatile sig_atomic_t kernels;

static void count_kernels(int signo, siginfo_t *info, void *context)
{
	if (info->si_code == SI_KERNEL)
		kernels++;
}

/* itimer WHICH: the timer ends the process, once it has run for 10 ms. */
static void itimer(const long n[3])
{
	struct itimerval when = { .it_value.tv_usec = 10000 };

	ready(0);
	must(!setitimer(n[0], &when, NULL));
	for (;;)
		;
}

/* timer SIGNO VALUE: a POSIX timer. */
static void posix_timer(const long n[3])
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = n[0] };
	struct itimerspec when = { .it_value.tv_nsec = 10000000 };
	timer_t timer;

	event.sigev_value.sival_ptr = (void *)n[1];
	must(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	ready(0);
	must(!timer_settime(timer, 0, &when, NULL));
	wait_for_ever();
}

/* limit RESOURCE SOFT HARD: with CPU, burns it; with RTTIME, in real time; with FSIZE, writes beyond. */
static void limit(const long n[3])
{
	int resource = n[0];
	struct sched_param lowest = { .sched_priority = 1 };
	struct rlimit limits = { n[1], n[2] };
	int file = memfd_create("limited", 0);

	must(!setrlimit(resource, &limits));
	if (resource == RLIMIT_RTTIME)
		must(!sched_setscheduler(0, SCHED_FIFO, &lowest));
	ready(0);
	if (resource == RLIMIT_FSIZE)
		must(pwrite(file, "x", 1, n[1]) == 1);
	for (;;)
		;
}

/* race LEAST: kills itself by SIGALRM, while a timer does too; prints its own kills and the
 * least that the timer sent. At least LEAST of its own, and 20 of the timer's. */
static void race(const long n[3])
{
	struct itimerval when = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	long own;

	handle(SIGALRM, count_kernels);
	ready(0);
	must(!setitimer(ITIMER_REAL, &when, NULL));
	for (own = 0; own < n[0] || kernels < 20; own++)
		syscall(SYS_kill, getpid(), SIGALRM);
	must(!setitimer(ITIMER_REAL, &never, NULL));
	printf("%ld %d\n", own, (int)kernels);
}

int main(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "itimer", itimer },
		{ "timer", posix_timer },
		{ "limit", limit },
		{ "race", race },
		{}
	};

	return act(acts, argc, argv);
}
