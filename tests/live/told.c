/* SPDX-License-Identifier: MIT */
/*
 * A process that does as its input tells it, a line each, and answers each line with
 * one, whatever its arguments are:
 *
 *   send SIGNAL PID       kill(PID, SIGNAL); its pid in place of 0
 *   title HEX             writes these bytes over its arguments, and zeroes the rest
 *   overflow HEX          the same, and on into its environment
 *   login UID             sets its login's user
 *   group PID             joins the process group of that number
 *   threads COUNT         as many threads that wait
 *   exec PATH ARGUMENT    becomes PATH
 *   fault                 writes to address 8, and ends by it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char *first, *end, *last;

/* The arguments lie one after the other, and the environment behind them. */
static void learn_bounds(char **argv, char **environment)
{
	first = end = argv[0];
	for (; *argv; argv++)
		end = *argv + strlen(*argv) + 1;
	last = end;
	for (; *environment; environment++)
		last = *environment + strlen(*environment) + 1;
}

static int title(const char *hex, char *limit)
{
	unsigned int byte;
	char *to = first;

	if (limit - first < (long)strlen(hex) / 2)
		return -ENOSPC;
	memset(first, 0, end - first);
	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		*to++ = byte;
	/* Without a NUL where the arguments end, the kernel looks for one beyond. */
	if (to > end && to < last)
		*to = 0;
	return 0;
}

static int login(const char *uid)
{
	FILE *file = fopen("/proc/self/loginuid", "w");

	if (!file)
		return -errno;
	fputs(uid, file);
	return fclose(file) ? -errno : 0;
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static int threads(int count)
{
	pthread_t thread;

	for (; count; count--)
		if (pthread_create(&thread, NULL, wait_for_ever, NULL))
			return -EAGAIN;
	return 0;
}

static int obey(const char *order, char *a, char *b)
{
	struct rlimit none = {};
	int pid = atoi(b);

	if (!strcmp(order, "send"))
		return kill(pid ? pid : getpid(), atoi(a)) ? -errno : 0;
	if (!strcmp(order, "title"))
		return title(a, end);
	if (!strcmp(order, "overflow"))
		return title(a, last);
	if (!strcmp(order, "login"))
		return login(a);
	if (!strcmp(order, "group"))
		return setpgid(0, atoi(a)) ? -errno : 0;
	if (!strcmp(order, "threads"))
		return threads(atoi(a));
	if (!strcmp(order, "exec"))
		return execl(a, a, b, NULL);
	if (!strcmp(order, "fault")) {
		volatile int *volatile nowhere = (void *)8;

		setrlimit(RLIMIT_CORE, &none);
		*nowhere = 0;
	}
	return -EINVAL;
}

int main(int argc, char **argv, char **environment)
{
	char line[8192], order[16], a[4096], b[4096];

	if (argc)
		learn_bounds(argv, environment);
	printf("0\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		a[0] = b[0] = 0;
		if (sscanf(line, "%15s %4095s %4095s", order, a, b) < 1)
			return 2;
		printf("%d\n", obey(order, a, b));
		fflush(stdout);
	}
	return 0;
}
