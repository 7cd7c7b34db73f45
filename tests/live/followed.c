/* SPDX-License-Identifier: MIT */
/*
 * Processes that come about in every way, and signal from their first instruction on: followed
 * WHAT ARGUMENTS. Prints the pid of the first, the root; at the next line of its input that one
 * begins. Whoever loses its parent comes to this process, which is none of them. What they send
 * is counted here, in memory that all share.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "actor.h"

int unshare(int flags);
extern char **environ;

static const char *self;
static struct {
	atomic_long calls;
	atomic_long processes;
	atomic_int told;
	atomic_int enough;
	atomic_int parent;	/* that is to be left */
} *shared;

static void call(pid_t target, int signo)
{
	atomic_fetch_add(&shared->calls, 1);
	syscall(SYS_kill, target, signo);
}

/* storm CHAINS DEPTH: each signals its parent, begets the next, signals that, and kills itself. */
static void member(pid_t parent, int left)
{
	pid_t me, child;

	call(parent, SIGURG);
	atomic_fetch_add(&shared->processes, 1);
	me = syscall(SYS_getpid);
	if (left) {
		child = fork();
		if (!child)
			member(me, left - 1);
		must(child > 0);
		call(child, SIGURG);
	}
	call(me, SIGKILL);
}

static void storm(int chains, int depth)
{
	pid_t me = getpid(), child;

	atomic_fetch_add(&shared->processes, 1);
	while (chains--) {
		child = fork();
		if (!child)
			member(me, depth - 1);
		must(child > 0);
		call(child, SIGURG);
	}
}

/*
 * tree LEVELS CALLS: each process begets two, and all beget without end grandchildren whose parent
 * leaves at once. Once told, they and whoever is begotten from then on signal themselves, till
 * there are CALLS of it.
 */
static void tree(int levels)
{
	bool was_told = false, told;
	pid_t child;

	for (int i = 0; levels && i < 2; i++)
		if (!child_of_ours()) {
			tree(levels - 1);
			_exit(0);
		}
	atomic_fetch_add(&shared->processes, 1);
	while (!shared->enough) {
		told = shared->told;
		if (told && !was_told)
			call(getpid(), SIGURG);
		was_told = told;
		child = fork();
		if (!child) {
			if (!fork() && told)
				call(getpid(), SIGURG);
			_exit(0);
		}
		must(child > 0 && waitpid(child, NULL, 0) == child);
	}
	if (!was_told)
		call(getpid(), SIGURG);
	while (wait(NULL) > 0)
		;
}

/* group: begets without end, in a process group of its own. */
static void group(void)
{
	pid_t child;

	while (!shared->enough) {
		child = fork();
		if (!child)
			_exit(0);
		must(child > 0 && waitpid(child, NULL, 0) == child);
	}
}

/* many N: so many children at once, each of which signals itself. */
static void many(int count)
{
	while (count--)
		if (!child_of_ours()) {
			call(getpid(), SIGURG);
			while (!shared->enough)
				usleep(1000);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
}

/* Sends itself a harmless signal that says how the process came about. */
static void beep(int which)
{
	siginfo_t info = { .si_signo = SIGURG, .si_code = SI_QUEUE };

	info.si_value.sival_int = which;
	syscall(SYS_rt_sigqueueinfo, syscall(SYS_getpid), SIGURG, &info);
}

static void wait_for(pid_t child)
{
	int status;

	must(child > 0 && waitpid(child, &status, __WALL) == child);
	must(WIFEXITED(status) && !WEXITSTATUS(status));
}

static pid_t clone3(__u64 flags, pid_t *number)
{
	struct clone_args args = { .flags = flags, .exit_signal = flags ? 0 : SIGCHLD };

	args.set_tid = (uintptr_t)number;
	args.set_tid_size = !!number;
	return syscall(SYS_clone3, &args, sizeof(args));
}

static void *fork_in_thread(void *which)
{
	pid_t child = fork();

	if (!child) {
		beep((intptr_t)which);
		_exit(0);
	}
	wait_for(child);
	return NULL;
}

static void *exec_in_thread(void *which)
{
	execl(self, self, "beep", which, NULL);
	_exit(2);
}

static void *exit_when_alone(void *which)
{
	usleep(10000);
	fork_in_thread(which);
	_exit(0);
}

/* What a way does in a child of the root's. Ends it. */
static void in_child(int way)
{
	pthread_t thread;

	switch (way) {
	case 5:	/* the root's parent's child */
		if (!clone3(CLONE_PARENT, NULL))
			beep(way);
		break;
	case 7:	/* a thread takes the place of the first, and is the process */
		pthread_create(&thread, NULL, exec_in_thread, "7");
		pthread_join(thread, NULL);
		break;
	case 8:	/* a daemon */
		setsid();
		if (!fork()) {
			while (getppid() == shared->parent)
				usleep(1000);
			beep(way);
		}
		break;
	case 9:	/* the init of a pid namespace; 10: its child's child, which is left alone */
		must(!unshare(CLONE_NEWPID));
		if (!fork()) {
			must(getpid() == 1);
			beep(9);
			if (!fork()) {
				if (!fork()) {
					while (getppid() != 1)
						usleep(1000);
					beep(10);
				}
				_exit(0);
			}
			while (wait(NULL) > 0)
				;
			_exit(0);
		}
		wait(NULL);
		break;
	case 11:	/* the first thread is gone */
		pthread_create(&thread, NULL, exit_when_alone, (void *)(intptr_t)way);
		pthread_exit(NULL);
	}
	_exit(0);
}

/* ways: one after the other. */
static void ways(void)
{
	char *arguments[] = { (char *)self, "beep", "3", NULL };
	pthread_t thread;
	pid_t child;

	fork_in_thread((void *)1);
	child = vfork();
	if (!child) {
		beep(2);
		_exit(0);
	}
	wait_for(child);
	must(!posix_spawn(&child, self, NULL, NULL, arguments, environ));
	wait_for(child);
	child = clone3(0, NULL);
	if (!child) {
		beep(4);
		_exit(0);
	}
	wait_for(child);
	must(!pthread_create(&thread, NULL, fork_in_thread, (void *)6));
	pthread_join(thread, NULL);
	for (int way = 5; way <= 11; way++) {
		if (way == 6 || way == 10)
			continue;
		fflush(stdout);
		child = fork();
		if (!child) {
			shared->parent = getpid();
			in_child(way);
		}
		wait_for(child);
	}
}

/*
 * reuse: the process that was named ends, and another gets its number; told to, that one ends,
 * and a third gets it. All signal themselves at once, the second when it is told to as well.
 */
static void reuse(pid_t root)
{
	pid_t second;

	must(waitpid(root, NULL, 0) == root);
	second = clone3(0, &root);
	if (!second) {
		beep(2);
		while (!shared->told)
			usleep(1000);
		beep(3);
		_exit(0);
	}
	must(second == root);
	printf("%d\n", second);
	go();
	shared->told = 1;
	wait_for(second);
	second = clone3(0, &root);
	if (!second) {
		beep(4);
		_exit(0);
	}
	wait_for(second);
}

int main(int argc, char **argv)
{
	int begin[2], number = argc > 2 ? atoi(argv[2]) : 0;
	const char *what = argv[1];
	pid_t root;
	char byte;

	self = argv[0];
	if (!strcmp(what, "beep")) {
		/* The kernel gives the thread whose place it took back a moment after the exec. */
		if (number == 7)
			usleep(300000);
		beep(number);
		return 0;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED && !prctl(PR_SET_CHILD_SUBREAPER, 1) && !pipe(begin));
	if (!strcmp(what, "tree"))
		/* Those left alone are many, and nobody waits for them. */
		signal(SIGCHLD, SIG_IGN);
	root = fork();
	must(root >= 0);
	if (!root) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(!setpgid(0, 0));
		close(begin[1]);
		if (strcmp(what, "tree") && strcmp(what, "group"))
			must(read(begin[0], &byte, 1) == 1);
		if (!strcmp(what, "storm"))
			storm(number, atoi(argv[3]));
		else if (!strcmp(what, "tree")) {
			signal(SIGCHLD, SIG_DFL);
			tree(number);
		}
		else if (!strcmp(what, "group"))
			group();
		else if (!strcmp(what, "many"))
			many(number);
		else if (!strcmp(what, "ways"))
			ways();
		else if (!strcmp(what, "reuse"))
			beep(1);
		_exit(0);
	}
	if (!strcmp(what, "tree"))
		while (shared->processes != (2 << number) - 1)
			usleep(1000);
	ready(root);
	must(write(begin[1], "x", 1) == 1);
	if (!strcmp(what, "reuse")) {
		reuse(root);
	} else {
		shared->told = 1;
		if (!strcmp(what, "tree"))
			while (shared->calls < atoi(argv[3]))
				usleep(1000);
		else if (!strcmp(what, "group") || !strcmp(what, "many"))
			go();
		shared->enough = 1;
		while (wait(NULL) > 0 || errno == EINTR)
			;
	}
	printf("%ld %ld\n", (long)shared->calls, (long)shared->processes);
	fflush(stdout);
	return 0;
}
