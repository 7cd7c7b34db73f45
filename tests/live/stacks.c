/* SPDX-License-Identifier: MIT */
/*
 * A process that sends from a stack that its test knows: stacks WHAT.
 *
 * At each line of its input it does WHAT, from outer, by middle, by inner, and says
 * "done". Its functions do something after each call, so that no call is a jump.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include "actor.h"

#define APART __attribute__((noinline, noclone))

volatile int done;
static int broken[2];

APART void inner(void)
{
	kill(getpid(), 0); /* the line of inner */
	done++;
}

APART void middle(void)
{
	inner(); /* the line of middle */
	done++;
}

APART void outer(void)
{
	middle(); /* the line of outer */
	done++;
}

/* Frames of some hundred bytes, as many as asked for, then outer. */
APART void deeper(int frames)
{
	volatile char room[512];

	room[0] = frames;
	if (frames > 1)
		deeper(frames - 1);
	else
		outer();
	done += room[0];
}

APART void *threaded(void *nothing)
{
	outer();
	done++;
	return nothing;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	outer();
	done++;
}

APART void interrupted(void)
{
	raise(SIGUSR1);
	done++;
}

APART void writes(void)
{
	must(write(broken[1], "", 1) < 0);
	done++;
}

APART void crashes(volatile int *nowhere)
{
	*nowhere = 1;
	done++;
}

static void perform(const char *what)
{
	pthread_t thread;

	if (!strcmp(what, "thread")) {
		must(!pthread_create(&thread, NULL, threaded, NULL));
		must(!pthread_join(thread, NULL));
	} else if (!strcmp(what, "handler")) {
		interrupted();
	} else if (!strcmp(what, "pipe")) {
		writes();
	} else if (!strcmp(what, "fault")) {
		outer();
		printf("done\n");
		go();
		crashes((int *)16);
	} else if (!strcmp(what, "deep")) {
		deeper(20);
	} else {
		outer();
	}
}

int main(int count, char **arguments)
{
	must(count == 2);
	leave_no_core();
	handle(SIGUSR1, on_signal);
	must(!pipe(broken) && !close(broken[0]));
	signal(SIGPIPE, SIG_IGN);
	ready(0);
	for (;;) {
		perform(arguments[1]);
		done++;
		if (!strcmp(arguments[1], "once"))
			_exit(0);
		printf("done\n");
		go();
	}
}
