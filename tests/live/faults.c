/* SPDX-License-Identifier: MIT */
/*
 * A process that faults: faults KIND HOW.
 *
 * It prints the address at which it will fault ("none" where the processor gives
 * none), and faults at the next line of its input. HOW is default; handler, which
 * prints what the handler was told, "CODE ADDRESS"; blocked or ignored, which the
 * kernel overrides. x86-64 only: the faulting instructions are its own.
 */
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char at_ud2[], at_div[], after_step[], after_call[];

static void handler(int signo, siginfo_t *info, void *context)
{
	printf("%d %#lx\n", info->si_code, (unsigned long)info->si_addr);
	fflush(stdout);
	_exit(signo ? 0 : 1);
}

static void ready(const void *address)
{
	char line[16];

	if (address)
		printf("%#lx\n", (unsigned long)address);
	else
		printf("none\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(2);
}

static void prepare(int signo, const char *how)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	struct rlimit none = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	action.sa_sigaction = handler;
	if (!strcmp(how, "default"))
		return;
	if (!strcmp(how, "ignored"))
		action.sa_handler = SIG_IGN;
	sigaction(signo, &action, NULL);
	if (!strcmp(how, "blocked")) {
		sigemptyset(&set);
		sigaddset(&set, signo);
		sigprocmask(SIG_BLOCK, &set, NULL);
	}
}

/* getppid shall end in SIGSYS. */
static void refuse_getppid(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(3);
}

static void *page(int protection)
{
	return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A handler that has no stack to run on: the kernel sends SIGSEGV in place of the signal. */
static void signal_without_stack(int forged)
{
	siginfo_t info = { .si_signo = SIGSEGV, .si_code = SEGV_MAPERR };
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = page(PROT_NONE), .ss_size = 4096 };

	action.sa_sigaction = handler;
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	ready(NULL);
	if (forged)
		syscall(SYS_rt_sigqueueinfo, getpid(), SIGSEGV, &info);
	else
		syscall(SYS_kill, getpid(), SIGSEGV);
}

int main(int argc, char **argv)
{
	const char *kind = argc == 3 ? argv[1] : "", *how = argv[argc - 1];
	volatile char *at;

	if (!strcmp(kind, "maperr")) {
		prepare(SIGSEGV, how);
		at = page(PROT_READ);
		munmap((void *)at, 4096);
		ready((char *)at + 0x123);
		return at[0x123];
	} else if (!strcmp(kind, "accerr")) {
		prepare(SIGSEGV, how);
		at = page(PROT_READ);
		ready((char *)at + 0x45);
		at[0x45] = 1;
	} else if (!strcmp(kind, "bus")) {
		prepare(SIGBUS, how);
		at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memfd_create("empty", 0), 0);
		ready((char *)at + 0x67);
		return at[0x67];
	} else if (!strcmp(kind, "ill")) {
		prepare(SIGILL, how);
		ready(at_ud2);
		asm volatile(".globl at_ud2; at_ud2: ud2");
	} else if (!strcmp(kind, "fpe")) {
		prepare(SIGFPE, how);
		ready(at_div);
		asm volatile(".globl at_div; at_div: idivl %0" : : "r"(0), "a"(1), "d"(0) : "cc");
	} else if (!strcmp(kind, "trap")) {
		prepare(SIGTRAP, how);
		ready(NULL);
		asm volatile("int3");
	} else if (!strcmp(kind, "step")) {
		prepare(SIGTRAP, how);
		ready(after_step);
		/* The trap flag takes effect after the instruction that follows. */
		asm volatile("lea -128(%%rsp), %%rsp; pushf; orq $0x100, (%%rsp); popf; nop;"
			     ".globl after_step; after_step: lea 128(%%rsp), %%rsp" : : : "cc", "memory");
	} else if (!strcmp(kind, "protection")) {
		prepare(SIGSEGV, how);
		ready(NULL);
		at = (void *)(uintptr_t)0x8000123456789abc;
		return *at;
	} else if (!strcmp(kind, "sys")) {
		prepare(SIGSYS, how);
		refuse_getppid();
		ready(after_call);
		asm volatile("syscall; .globl after_call; after_call:"
			     : : "a"(SYS_getppid) : "rcx", "r11", "memory");
	} else if (!strcmp(kind, "stack")) {
		prepare(SIGSEGV, "default");
		signal_without_stack(0);
	} else if (!strcmp(kind, "forged-stack")) {
		prepare(SIGSEGV, "default");
		signal_without_stack(1);
	}
	return 1;
}
