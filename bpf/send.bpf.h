/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a send's record says of its call and of its siginfo, wherever it is told. */
#ifndef SIGSNOOP_SEND_BPF_H
#define SIGSNOOP_SEND_BPF_H

#define EAGAIN 11

static __always_inline void describe_call(struct sigsnoop_send *send, struct syscall *call)
{
	send->target_arg = call->target_arg;
	send->known |= SIGSNOOP_KNOWN_ARGUMENT;
	if (call->origin == SIGSNOOP_ORIGIN_TGKILL ||
	    call->origin == SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO) {
		send->tgid_arg = call->tgid_arg;
		send->known |= SIGSNOOP_KNOWN_TGID;
	}
	if (call->origin == SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL) {
		send->flags = call->flags;
		send->known |= SIGSNOOP_KNOWN_FLAGS;
	}
}

/* What the siginfo says beyond its code: the value that an owner gave, the address of a fault. */
static __always_inline void describe_info(struct sigsnoop_send *send, struct generated *g)
{
	struct kernel_siginfo *info = (void *)g->info;	/* a number, so read by a helper */

	send->si_code = g->si_code;
	send->known |= SIGSNOOP_KNOWN_CODE;
	if (!has_info(g))
		return;
	if (send->origin == SIGSNOOP_ORIGIN_FAULT) {
		/* A code of SI_KERNEL says that the processor gave no address. */
		if (g->si_code == SI_KERNEL)
			return;
		send->value = (__u64)BPF_CORE_READ(info, _sifields._sigfault._addr);
		send->known |= SIGSNOOP_KNOWN_ADDRESS;
	} else if (send->origin == SIGSNOOP_ORIGIN_RT_SIGQUEUEINFO ||
		   send->origin == SIGSNOOP_ORIGIN_RT_TGSIGQUEUEINFO ||
		   (send->origin == SIGSNOOP_ORIGIN_PIDFD_SEND_SIGNAL && g->si_code < 0) ||
		   send->origin == SIGSNOOP_ORIGIN_TIMER || g->si_code == SI_MESGQ) {
		send->value = (__u64)BPF_CORE_READ(info, _sifields._rt._sigval.sival_ptr);
		send->known |= SIGSNOOP_KNOWN_VALUE;
	}
}

/* A failed sigqueue's code and value are still in its caller's memory. */
static __always_inline void describe_user_info(struct sigsnoop_send *send, struct syscall *call)
{
	/* si_code at 8; the value at 24, for 32-bit callers at 20. */
	__u32 value32;
	int code;

	if (!call->info || bpf_probe_read_user(&code, sizeof(code), (void *)call->info + 8))
		return;
	send->si_code = code;
	send->known |= SIGSNOOP_KNOWN_CODE;
	if (call->compat) {
		if (bpf_probe_read_user(&value32, sizeof(value32), (void *)call->info + 20))
			return;
		send->value = value32;
	} else if (bpf_probe_read_user(&send->value, sizeof(send->value), (void *)call->info + 24)) {
		return;
	}
	send->known |= SIGSNOOP_KNOWN_VALUE;
}

static __always_inline bool exit_seen(struct syscall *call)
{
	return settings.calls && (settings.compat_exits || !call->compat);
}

#endif
