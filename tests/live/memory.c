/* SPDX-License-Identifier: MIT */
/*
 * A process that takes memory until there is none: memory WHAT MEGABYTES MORE.
 *
 *   alone      takes MEGABYTES, one by one
 *   beside     prints a child that has taken MEGABYTES and is the first to be chosen;
 *              takes MORE itself, or less where the child is killed meanwhile
 *   shared     prints another process in the same memory; takes MEGABYTES
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "actor.h"

#define STACK 65536

static void take_one(void)
{
	char *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(at != MAP_FAILED);
	memset(at, 1, 1 << 20);
}

static void alone(const long n[3])
{
	long megabytes = n[0];
	ready(0);
	while (megabytes--)
		take_one();
}

/* The kernel then prefers it, and may always be asked to. */
static void be_first(void)
{
	int file = open("/proc/self/oom_score_adj", O_WRONLY);

	must(write(file, "1000", 4) == 4);
	close(file);
}

static void beside(const long n[3])
{
	long megabytes = n[0], more = n[1];
	int told[2], done[2];
	pid_t child;
	char byte;

	must(!pipe(told) && !pipe(done));
	child = child_of_ours();
	if (!child) {
		be_first();
		must(read(told[0], &byte, 1) == 1);
		while (megabytes--)
			take_one();
		must(write(done[1], "x", 1) == 1);
		wait_for_ever();
	}
	ready(child);
	must(write(told[1], "x", 1) == 1 && read(done[0], &byte, 1) == 1);
	/* Slowly: a child that was chosen needs time to give its memory back, or we are chosen next. */
	while (more-- && !waitpid(child, NULL, WNOHANG)) {
		take_one();
		usleep(20000);
	}
}

static int wait_in_same_memory(void *unused)
{
	/* A bound in time, since its parent's death would be told by one more signal. */
	alarm(600);
	wait_for_ever();
	return 0;
}

static void shared(const long n[3])
{
	long megabytes = n[0];
	char *stack = malloc(STACK);
	pid_t other = clone(wait_in_same_memory, stack + STACK, CLONE_VM | SIGCHLD, NULL);

	must(other > 0);
	ready(other);
	while (megabytes--)
		take_one();
}

int main(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "alone", alone },
		{ "beside", beside },
		{ "shared", shared },
		{}
	};

	return act(acts, argc, argv);
}
