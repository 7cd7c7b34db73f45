/* SPDX-License-Identifier: MIT */
/*
 * Makes one kind of call many times; prints how many, and ns of CPU time for each:
 * what others do on the machine is no part of it, and what a tracer adds to a call is.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	struct timespec begin, end;
	pid_t self = getpid();

	if (count < 1)
		return 2;
	signal(SIGUSR1, SIG_IGN);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	if (!strcmp(argv[1], "check"))
		for (long i = 0; i < count; i++)
			kill(self, 0);
	else if (!strcmp(argv[1], "ignored"))
		for (long i = 0; i < count; i++)
			kill(self, SIGUSR1);
	else if (!strcmp(argv[1], "other"))
		for (long i = 0; i < count; i++)
			syscall(SYS_getppid);
	else
		return 2;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	printf("%ld %.1f\n", count,
	       ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec)) / count);
	return 0;
}
