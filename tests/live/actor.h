/* SPDX-License-Identifier: MIT */
/* What the actors share: they say what they know, and act at the next line of their input. */
#ifndef ACTOR_H
#define ACTOR_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static inline void must(int ok)
{
	if (!ok) {
		perror("actor");
		exit(2);
	}
}

/* Waits for the next line. */
static inline void go(void)
{
	char line[16];

	fflush(stdout);
	must(fgets(line, sizeof(line), stdin) != NULL);
}

/* Says one number, or "ready" in place of 0, and waits to be told. */
static inline void ready(long known)
{
	if (known)
		printf("%ld\n", known);
	else
		printf("ready\n");
	go();
}

static inline void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* A child that ends with its parent, at the latest. */
static inline pid_t child_of_ours(void)
{
	pid_t child = fork();

	must(child >= 0);
	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

static inline void handle(int signo, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART };

	action.sa_sigaction = handler;
	must(!sigaction(signo, &action, NULL));
}

/* Signals that leave a core leave none. */
static inline void leave_no_core(void)
{
	struct rlimit limit;

	must(!getrlimit(RLIMIT_CORE, &limit));
	limit.rlim_cur = 0;
	must(!setrlimit(RLIMIT_CORE, &limit));
}

/* What an actor can do, by the word for it; the numbers that follow the word, 0 where none does. */
struct act {
	const char *word;
	void (*perform)(const long n[3]);
};

/* Ends as main does; the last of acts has no word. */
static inline int act(const struct act *acts, int argc, char **argv)
{
	long n[3] = {};
	int i;

	leave_no_core();
	for (i = 2; i < argc && i < 5; i++)
		n[i - 2] = strtol(argv[i], NULL, 0);
	for (; argc > 1 && acts->word; acts++) {
		if (!strcmp(argv[1], acts->word)) {
			acts->perform(n);
			return 0;
		}
	}
	return 3;
}

#endif
