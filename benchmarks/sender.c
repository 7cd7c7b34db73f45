/* SPDX-License-Identifier: MIT */
/*
 * Makes one kind of call many times, and counts what it made.
 *
 *   sender KIND [-n CALLS | -s SECONDS] [-b BURST] [-g GAP_US] [-t THREADS]
 *               [-T TARGET] [-c CPU]
 *
 * KIND: check (signal 0), ignored (SIGUSR1), handled (SIGUSR2), other (getppid);
 * sleep and group send nothing: the one only lives, the other creates CALLS
 * processes in a group of their own. THREADS more threads sleep meanwhile.
 * TARGET is as kill() takes it; without one, this process.
 *
 * Says "ready PID" (group: the group), and begins when its stdin says a line. Then prints
 * "CALLS CPU_NS ELAPSED_NS", for each call in the burst that a quarter of all were cheaper than:
 * the thread's own CPU time, so that what others do on the machine is in it only as far as it
 * disturbs, which makes a burst dearer, never cheaper; and what a tracer adds to a call is. Between
 * bursts it sleeps, so that a slow reader keeps up. Ends when its stdin does.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How many calls lie between two looks at the clock. */
#define LOOK 1024

static volatile sig_atomic_t handled;

static void handle(int signo)
{
	handled++;
}

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void *sleep_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void start_threads(long count)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	while (count--)
		if (pthread_create(&thread, &small, sleep_for_ever, NULL))
			exit(3);
}

static void wait_for_line(void)
{
	char byte;

	while (read(0, &byte, 1) == 1 && byte != '\n')
		;
}

struct burst {
	double cpu, elapsed;
};

static int by_cpu(const void *a, const void *b)
{
	const struct burst *one = a, *two = b;

	return (one->cpu > two->cpu) - (one->cpu < two->cpu);
}

/* A group of processes that ignore SIGUSR1, and end with this one. */
static int group(long count)
{
	pid_t first = 0;

	for (long i = 0; i < count; i++) {
		pid_t child = fork();

		if (child < 0)
			exit(3);
		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			sleep_for_ever(NULL);
		}
		first = first ? first : child;
		if (setpgid(child, first))
			exit(3);
	}
	printf("ready %d\n", first);
	fflush(stdout);
	wait_for_line();
	kill(-first, SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void call(char kind, pid_t target, long count)
{
	if (kind == 'o')
		for (long i = 0; i < count; i++)
			syscall(SYS_getppid);
	else
		for (long i = 0; i < count; i++)
			kill(target, kind == 'c' ? 0 : kind == 'i' ? SIGUSR1 : SIGUSR2);
}

int main(int argc, char **argv)
{
	long calls = 0, burst = 0, gap_us = 0, threads = 0, made = 0;
	struct burst *bursts = NULL;
	long used = 0, size = 0;
	double seconds = 0, end;
	pid_t target = getpid();
	cpu_set_t cpus;
	int option;
	char kind;

	while ((option = getopt(argc, argv, "n:s:b:g:t:T:c:")) != -1) {
		switch (option) {
		case 'n': calls = atol(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 'b': burst = atol(optarg); break;
		case 'g': gap_us = atol(optarg); break;
		case 't': threads = atol(optarg); break;
		case 'T': target = atol(optarg); break;
		case 'c':
			CPU_ZERO(&cpus);
			CPU_SET(atol(optarg), &cpus);
			if (sched_setaffinity(0, sizeof(cpus), &cpus))
				return 3;
			break;
		default: return 2;
		}
	}
	if (optind + 1 != argc || !strchr("cihosg", argv[optind][0]))
		return 2;
	kind = argv[optind][0];
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, handle);
	start_threads(threads);
	if (kind == 'g')
		return group(calls);
	printf("ready %d\n", getpid());
	fflush(stdout);
	wait_for_line();
	if (kind == 's')
		return 0;
	burst = burst ? burst : seconds ? LOOK : calls;
	end = now(CLOCK_MONOTONIC) + seconds * 1e9;
	while (calls ? made < calls : now(CLOCK_MONOTONIC) < end) {
		long count = calls && calls - made < burst ? calls - made : burst;
		double cpu_before, before;

		if (made && gap_us)
			usleep(gap_us);
		before = now(CLOCK_MONOTONIC);
		cpu_before = now(CLOCK_THREAD_CPUTIME_ID);
		call(kind, target, count);
		if (used == size) {
			size = size ? size * 2 : 64;
			bursts = realloc(bursts, size * sizeof(*bursts));
			if (!bursts)
				return 3;
		}
		bursts[used].cpu = (now(CLOCK_THREAD_CPUTIME_ID) - cpu_before) / count;
		bursts[used++].elapsed = (now(CLOCK_MONOTONIC) - before) / count;
		made += count;
	}
	/* To itself they are handled before the call returns. */
	if (kind == 'h' && target == getpid() && !threads && handled != made)
		return 4;
	qsort(bursts, used, sizeof(*bursts), by_cpu);
	printf("%ld %.1f %.1f\n", made, bursts[used / 4].cpu, bursts[used / 4].elapsed);
	fflush(stdout);
	wait_for_line();
	return 0;
}
