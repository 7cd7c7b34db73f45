/* SPDX-License-Identifier: MIT */
/*
 * A process that makes the kernel send a signal: causes WHAT ARGUMENTS.
 *
 * It prints what it knows beforehand in one line ("ready" where that is nothing),
 * and acts at the next line of its input. Signals do to it what they do by
 * default, unless a line below says that it handles them.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t kernels;

static void must(int ok)
{
	if (!ok) {
		perror("causes");
		exit(2);
	}
}

static void go(void)
{
	char line[16];

	fflush(stdout);
	must(fgets(line, sizeof(line), stdin) != NULL);
}

static void ready(long known)
{
	if (known)
		printf("%ld\n", known);
	else
		printf("ready\n");
	go();
}

static void count_kernels(int signo, siginfo_t *info, void *context)
{
	if (info->si_code == SI_KERNEL)
		kernels++;
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART };

	action.sa_sigaction = handler;
	must(!sigaction(signo, &action, NULL));
}

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* A child that ends with its parent, at the latest. */
static pid_t child_of_ours(void)
{
	pid_t child = fork();

	must(child >= 0);
	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

static pid_t child_in_job(int background)
{
	pid_t child = fork();

	must(child >= 0);
	if (background)
		setpgid(child, 0);
	return child;
}

/* itimer WHICH: the timer ends the process, once it has run for 10 ms. */
static void itimer(int which)
{
	struct itimerval when = { .it_value.tv_usec = 10000 };

	ready(0);
	must(!setitimer(which, &when, NULL));
	for (;;)
		;
}

/* timer SIGNO VALUE: a POSIX timer. */
static void posix_timer(int signo, long value)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
	struct itimerspec when = { .it_value.tv_nsec = 10000000 };
	timer_t timer;

	event.sigev_value.sival_ptr = (void *)value;
	must(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	ready(0);
	must(!timer_settime(timer, 0, &when, NULL));
	wait_for_ever();
}

/* limit RESOURCE SOFT HARD: with CPU, burns it; with FSIZE, writes beyond. */
static void limit(int resource, long soft, long hard)
{
	struct rlimit limits = { soft, hard };
	int file = memfd_create("limited", 0);

	must(!setrlimit(resource, &limits));
	ready(0);
	if (resource == RLIMIT_FSIZE)
		must(pwrite(file, "x", 1, soft) == 1);
	for (;;)
		;
}

/* pipe, or socket: writes where nobody reads. */
static void broken(int is_socket)
{
	int ends[2];

	must(!(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)));
	close(ends[0]);
	ready(0);
	must(write(ends[1], "x", 1) == 1);
}

/* parent-death SIGNO: prints its child, which is sent SIGNO when this process ends. */
static void parent_death(int signo)
{
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

/* input SIGNO: prints a child that writes what this process is told of, by SIGIO (0) or SIGNO. */
static void input(int signo)
{
	int ends[2], told[2];
	pid_t child;
	char byte;

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends) && !pipe(told));
	must(!fcntl(ends[0], F_SETOWN, getpid()) && !fcntl(ends[0], F_SETSIG, signo));
	must(!fcntl(ends[0], F_SETFL, O_ASYNC));
	child = child_of_ours();
	if (!child) {
		must(read(told[0], &byte, 1) == 1);
		must(write(ends[1], "x", 1) == 1);
		wait_for_ever();
	}
	ready(child);
	must(write(told[1], "x", 1) == 1);
	wait_for_ever();
}

/* queue SIGNO VALUE: prints a child, whose message this process is told of. */
static void queue(int signo, long value)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
	char name[32], byte;
	mqd_t messages;
	int told[2];
	pid_t child;

	snprintf(name, sizeof(name), "/pysigsnoop-%d", getpid());
	messages = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	must(messages != -1 && !mq_unlink(name) && !pipe(told));
	event.sigev_value.sival_ptr = (void *)value;
	must(!mq_notify(messages, &event));
	child = child_of_ours();
	if (!child) {
		must(read(told[0], &byte, 1) == 1);
		must(!mq_send(messages, "x", 1, 0));
		wait_for_ever();
	}
	ready(child);
	must(write(told[1], "x", 1) == 1);
	wait_for_ever();
}

/* urgent: out-of-band data over the loopback of a network of its own; ends when it came. */
static void urgent(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	socklen_t length = sizeof(at);
	int listener, out, in;

	must(!unshare(CLONE_NEWNET));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	must(!ioctl(listener, SIOCSIFFLAGS, &loopback));
	must(!bind(listener, (void *)&at, sizeof(at)) && !listen(listener, 1));
	must(!getsockname(listener, (void *)&at, &length));
	out = socket(AF_INET, SOCK_STREAM, 0);
	must(!connect(out, (void *)&at, sizeof(at)));
	in = accept(listener, NULL, NULL);
	must(!fcntl(in, F_SETOWN, getpid()));
	handle(SIGURG, count_kernels);
	ready(0);
	must(send(out, "x", 1, MSG_OOB) == 1);
	while (!kernels)
		;
}

/* init: prints a pid namespace's init, which has one child and ends when told. */
static void init(void)
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

/* job WHICH: prints a child in the foreground (0) or in the background, which is then told to do
 * nothing (0, 1), to read from the terminal (2), to set it up (3), or is stopped (4). Then this
 * process, the session's leader, ends when told again; with WHICH 5 it gives up the terminal. */
static void job(int which)
{
	struct termios setup;
	int told[2];
	pid_t child;
	char byte;

	must(!pipe(told));
	child = which == 5 ? fork() : child_in_job(which);
	if (!child) {
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

/* forged SIGNO CODE VALUE: sends itself a siginfo that claims to be the kernel's; handled. */
static void forged(int signo, int code, long value)
{
	siginfo_t info = { .si_signo = signo, .si_code = code };

	info.si_value.sival_ptr = (void *)value;
	handle(signo, count_kernels);
	ready(0);
	must(!syscall(SYS_rt_sigqueueinfo, getpid(), signo, &info));
}

/*
 * by-itself SIGNO: prints a child, which kills itself by SIGNO; its exit signal is
 * SIGNO too, which this process handles, and its own child's parent-death signal.
 */
static void by_itself(int signo)
{
	int told[2], set[2];
	pid_t child;
	char byte;

	must(!pipe(told) && !pipe(set));
	child = syscall(SYS_clone, signo, 0, 0, 0, 0);
	if (!child) {
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, signo);
			must(write(set[1], "x", 1) == 1);
			wait_for_ever();
		}
		must(read(told[0], &byte, 1) == 1);
		syscall(SYS_kill, getpid(), signo);
	}
	handle(signo, count_kernels);
	must(read(set[0], &byte, 1) == 1);
	ready(child);
	must(write(told[1], "x", 1) == 1);
	must(waitpid(child, NULL, __WALL) == child);
}

/* race LEAST: kills itself by SIGALRM, while a timer does too; prints its own kills and the
 * least that the timer sent. At least LEAST of its own, and 20 of the timer's. */
static void race(long least)
{
	struct itimerval when = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	long own;

	handle(SIGALRM, count_kernels);
	ready(0);
	must(!setitimer(ITIMER_REAL, &when, NULL));
	for (own = 0; own < least || kernels < 20; own++)
		syscall(SYS_kill, getpid(), SIGALRM);
	must(!setitimer(ITIMER_REAL, &never, NULL));
	printf("%ld %d\n", own, (int)kernels);
}

/* busy: system calls without end, and kills of itself with signal 0 among them. */
static void busy(void)
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
static void dump(void)
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
static void wait_for_signals(void)
{
	printf("ready\n");
	fflush(stdout);
	wait_for_ever();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n[3] = {};
	struct rlimit core = { 0, RLIM_INFINITY };
	int i;

	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = 0;
	must(!setrlimit(RLIMIT_CORE, &core));
	for (i = 2; i < argc && i < 5; i++)
		n[i - 2] = strtol(argv[i], NULL, 0);
	if (!strcmp(what, "itimer"))
		itimer(n[0]);
	else if (!strcmp(what, "timer"))
		posix_timer(n[0], n[1]);
	else if (!strcmp(what, "limit"))
		limit(n[0], n[1], n[2]);
	else if (!strcmp(what, "pipe") || !strcmp(what, "socket"))
		broken(!strcmp(what, "socket"));
	else if (!strcmp(what, "parent-death"))
		parent_death(n[0]);
	else if (!strcmp(what, "input"))
		input(n[0]);
	else if (!strcmp(what, "queue"))
		queue(n[0], n[1]);
	else if (!strcmp(what, "urgent"))
		urgent();
	else if (!strcmp(what, "init"))
		init();
	else if (!strcmp(what, "forged"))
		forged(n[0], n[1], n[2]);
	else if (!strcmp(what, "by-itself"))
		by_itself(n[0]);
	else if (!strcmp(what, "race"))
		race(n[0]);
	else if (!strcmp(what, "job"))
		job(n[0]);
	else if (!strcmp(what, "dump"))
		dump();
	else if (!strcmp(what, "busy"))
		busy();
	else if (!strcmp(what, "wait"))
		wait_for_signals();
	else
		return 3;
	return 0;
}
