/* SPDX-License-Identifier: MIT */
/*
 * A process that sends signals as told on stdin, a line each, and answers each
 * line with what it really sent: "TOTAL TID=COUNT TID=COUNT...".
 *
 *   flood THREADS COUNT SIGNAL TARGET STEP
 *       each thread calls kill(TARGET + i * STEP, SIGNAL) COUNT times; with 0
 *       threads the main thread does. COUNT 0: until the next line comes.
 *   raw SIGNAL TARGET      one call with arguments as wide as registers
 *   name HEX               names the main thread by these bytes
 *   killself               a second thread kills this process; no answer comes
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_THREADS 64

struct work {
	pthread_t thread;
	long count, signal, target, step;
	long sent;
	int tid;
};

static atomic_bool enough;

static void *send_all(void *argument)
{
	struct work *work = argument;
	long i;

	work->tid = syscall(SYS_gettid);
	for (i = 0; work->count ? i < work->count : !atomic_load(&enough); i++)
		syscall(SYS_kill, work->target + i * work->step, work->signal);
	work->sent = i;
	return NULL;
}

static void *kill_self(void *unused)
{
	syscall(SYS_kill, getpid(), SIGKILL);
	return unused;
}

static void answer(const struct work *works, int n)
{
	long total = 0;
	int i;

	for (i = 0; i < n; i++)
		total += works[i].sent;
	printf("%ld", total);
	for (i = 0; i < n; i++)
		printf(" %d=%ld", works[i].tid, works[i].sent);
	printf("\n");
	fflush(stdout);
}

static void flood(int threads, struct work each)
{
	static struct work works[MOST_THREADS];
	char line[256];
	int i;

	if (threads > MOST_THREADS)
		exit(2);
	atomic_store(&enough, 0);
	for (i = 0; i < (threads ? threads : 1); i++)
		works[i] = each;
	if (!threads)
		send_all(&works[0]);
	for (i = 0; i < threads; i++)
		if (pthread_create(&works[i].thread, NULL, send_all, &works[i]))
			exit(3);
	if (!each.count && !fgets(line, sizeof(line), stdin))
		exit(4);
	atomic_store(&enough, 1);
	for (i = 0; i < threads; i++)
		pthread_join(works[i].thread, NULL);
	answer(works, threads ? threads : 1);
}

static void name(const char *hex)
{
	char comm[16] = "";
	unsigned int byte;
	int i;

	for (i = 0; i < 15 && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		comm[i] = byte;
	prctl(PR_SET_NAME, comm);
}

int main(void)
{
	struct work work;
	pthread_t thread;
	char line[256], text[64];
	int threads;

	while (fgets(line, sizeof(line), stdin)) {
		memset(&work, 0, sizeof(work));
		if (sscanf(line, "flood %d %ld %ld %ld %ld", &threads, &work.count, &work.signal,
			   &work.target, &work.step) == 5) {
			flood(threads, work);
		} else if (sscanf(line, "raw %ld %ld", &work.signal, &work.target) == 2) {
			work.count = 1;
			send_all(&work);
			answer(&work, 1);
		} else if (sscanf(line, "name %63s", text) == 1) {
			name(text);
			answer(&work, 0);
		} else if (!strcmp(line, "killself\n")) {
			pthread_create(&thread, NULL, kill_self, NULL);
			pthread_join(thread, NULL);
		} else {
			return 1;
		}
	}
	return 0;
}
