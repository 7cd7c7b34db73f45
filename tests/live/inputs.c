/* SPDX-License-Identifier: MIT */
/*
 * A process that what it writes, or what comes in, signals: inputs WHAT ARGUMENTS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "actor.h"

static volatile sig_atomic_t told;

static void note(int signo, siginfo_t *info, void *context)
{
	told = 1;
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

static void pipe_broken(const long n[3])
{
	broken(0);
}

static void socket_broken(const long n[3])
{
	broken(1);
}

/* input SIGNO: prints a child that writes what this process is told of, by SIGIO (0) or SIGNO. */
static void input(const long n[3])
{
	int signo = n[0];
	int ends[2], orders[2];
	pid_t child;
	char byte;

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends) && !pipe(orders));
	must(!fcntl(ends[0], F_SETOWN, getpid()) && !fcntl(ends[0], F_SETSIG, signo));
	must(!fcntl(ends[0], F_SETFL, O_ASYNC));
	child = child_of_ours();
	if (!child) {
		must(read(orders[0], &byte, 1) == 1);
		must(write(ends[1], "x", 1) == 1);
		wait_for_ever();
	}
	ready(child);
	must(write(orders[1], "x", 1) == 1);
	wait_for_ever();
}

/* queue SIGNO VALUE: prints a child, whose message this process is told of. */
static void queue(const long n[3])
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = n[0] };
	char name[32], byte;
	mqd_t messages;
	int orders[2];
	pid_t child;

	snprintf(name, sizeof(name), "/pysigsnoop-%d", getpid());
	messages = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	must(messages != -1 && !mq_unlink(name) && !pipe(orders));
	event.sigev_value.sival_ptr = (void *)n[1];
	must(!mq_notify(messages, &event));
	child = child_of_ours();
	if (!child) {
		must(read(orders[0], &byte, 1) == 1);
		must(!mq_send(messages, "x", 1, 0));
		wait_for_ever();
	}
	ready(child);
	must(write(orders[1], "x", 1) == 1);
	wait_for_ever();
}

/* urgent: out-of-band data over the loopback of a network of its own; ends when it came. */
static void urgent(const long n[3])
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
	handle(SIGURG, note);
	ready(0);
	must(send(out, "x", 1, MSG_OOB) == 1);
	while (!told)
		;
}

int main(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "pipe", pipe_broken },
		{ "socket", socket_broken },
		{ "input", input },
		{ "queue", queue },
		{ "urgent", urgent },
		{}
	};

	return act(acts, argc, argv);
}
