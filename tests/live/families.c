/* SPDX-License-Identifier: MIT */
/*
 * Processes that signal each other, or themselves, as they live and die: families WHAT ARGUMENTS.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include "actor.h"

static void ignore(int signo, siginfo_t *info, void *context)
{
}

/* parent-death SIGNO: prints its child, which is sent SIGNO when this process ends. */
static void parent_death(const long n[3])
{
	int signo = n[0];
	int set[2];
	pid_t child;
	char byte;

	must(!pipe(set));
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, signo);
		must(write(set[1], "x", 1) == 1);
		wait_for_ever();
	}
	must(read(set[0], &byte, 1) == 1);
	ready(child);
}

/* init: prints a pid namespace's init, which has one child and ends when told. */
static void init(const long n[3])
{
	int told[2];
	pid_t init;
	char byte;

	must(!unshare(CLONE_NEWPID) && !pipe(told));
	init = child_of_ours();
	if (!init) {
		if (!fork())
			wait_for_ever();
		must(read(told[0], &byte, 1) == 1);
		_exit(0);
	}
	ready(init);
	must(write(told[1], "x", 1) == 1);
	must(waitpid(init, NULL, 0) == init);
}

/* forged SIGNO CODE VALUE: sends itself a siginfo that claims to be the kernel's; handled. */
static void forged(const long n[3])
{
	int signo = n[0], code = n[1];
	siginfo_t info = { .si_signo = signo, .si_code = code };

	info.si_value.sival_ptr = (void *)n[2];
	handle(signo, ignore);
	ready(0);
	must(!syscall(SYS_rt_sigqueueinfo, getpid(), signo, &info));
}

/*
 * by-itself SIGNO: prints a child, which kills itself by SIGNO; its exit signal is
 * SIGNO too, which this process handles, and its own child's parent-death signal.
 */
static void by_itself(const long n[3])
{
	int signo = n[0];
	int told[2], set[2];
	pid_t child;
	char byte;

	must(!pipe(told) && !pipe(set));
	child = syscall(SYS_clone, signo, 0, 0, 0, 0);
	if (!child) {
		/* So that the pipe ends with the parent, and this process with the pipe. */
		close(told[1]);
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, signo);
			must(write(set[1], "x", 1) == 1);
			wait_for_ever();
		}
		must(read(told[0], &byte, 1) == 1);
		syscall(SYS_kill, getpid(), signo);
	}
	handle(signo, ignore);
	must(read(set[0], &byte, 1) == 1);
	ready(child);
	must(write(told[1], "x", 1) == 1);
	must(waitpid(child, NULL, __WALL) == child);
}

static pid_t child_in_job(int background)
{
	pid_t child = fork();

	must(child >= 0);
	if (background)
		setpgid(child, 0);
	return child;
}

/* job WHICH: prints a child in the foreground (0) or in the background, which is then told to do
 * nothing (0, 1), to read from the terminal (2), to set it up (3), or is stopped (4). Then this
 * process, the session's leader, ends when told again; with WHICH 5 it gives up the terminal. */
static void job(const long n[3])
{
	int which = n[0];
	struct termios setup;
	int told[2];
	pid_t child;
	char byte;

	must(!pipe(told));
	child = which == 5 ? fork() : child_in_job(which);
	if (!child) {
		/* As above. PR_SET_PDEATHSIG would be one more signal to it. */
		close(told[1]);
		must(read(told[0], &byte, 1) == 1);
		if (which == 2)
			must(read(0, &byte, 1) == 1);
		if (which == 3)
			must(!tcgetattr(0, &setup) && !tcsetattr(0, TCSANOW, &setup));
		if (which == 4)
			raise(SIGSTOP);
		wait_for_ever();
	}
	ready(child);
	must(write(told[1], "x", 1) == 1);
	if (which == 5) {
		signal(SIGHUP, SIG_IGN);
		must(!ioctl(0, TIOCNOTTY));
		wait_for_ever();
	}
	printf("told\n");
	go();
}

/* busy: system calls without end, and kills of itself with signal 0 among them. */
static void busy(const long n[3])
{
	pid_t self = getpid();

	printf("ready\n");
	fflush(stdout);
	for (;;) {
		syscall(SYS_getppid);
		syscall(SYS_kill, self, 0);
	}
}

/* dump: leaves a core where it runs, when a signal ends it so. */
static void dump(const long n[3])
{
	struct rlimit limit;

	must(!getrlimit(RLIMIT_CORE, &limit));
	limit.rlim_cur = limit.rlim_max;
	must(!setrlimit(RLIMIT_CORE, &limit));
	printf("%d\n", limit.rlim_max != 0);
	fflush(stdout);
	wait_for_ever();
}

/* wait: for signals; what it reads from its input is thrown away. */
static void wait_for_signals(const long n[3])
{
	printf("ready\n");
	fflush(stdout);
	wait_for_ever();
}

int main(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "parent-death", parent_death },
		{ "init", init },
		{ "forged", forged },
		{ "by-itself", by_itself },
		{ "job", job },
		{ "busy", busy },
		{ "dump", dump },
		{ "wait", wait_for_signals },
		{}
	};

	return act(acts, argc, argv);
}
