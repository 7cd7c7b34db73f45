/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs, in families that watch the same by other means; user space loads
 * the first family of each side that the kernel allows. "?" leaves that to it.
 */
#ifndef SIGSNOOP_ATTACH_BPF_H
#define SIGSNOOP_ATTACH_BPF_H

/*
 * At the return of each function the same is done, but a program goes with one of
 * them: so theirs jump to one that is loaded once, as the verifier's work is most of
 * what opening takes. The jump costs a call nothing: its target is constant, so the
 * kernel makes it a direct one. 5.5, commit 428d5df1fa4f (bpf, x86: Emit patchable
 * direct jump as tail call)
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} exits SEC(".maps");

/*
 * Calls, by the return of their functions: nobody else is slowed, 32-bit callers
 * are seen. First here, so that a kernel that refuses them does so at once.
 * 5.5, commit fec56f5890d9 (bpf: Introduce BPF trampoline)
 */
#define FUNCTION_EXIT(prefix, name)                                                                \
	SEC("?fexit/" #prefix "_" #name)                                                           \
	int fexit_##prefix##_##name(__u64 *ctx)                                                    \
	{                                                                                          \
		bpf_tail_call(ctx, &exits, 0);                                                     \
		return 0;                                                                          \
	}

/* Where they jump, never attached itself. Argument and result, as of any function of theirs. */
#define ANY_FUNCTION_EXIT(function)                                                                \
	SEC("?fexit/" #function)                                                                   \
	int any_function(__u64 *ctx)                                                               \
	{                                                                                          \
		return on_exit(ctx, ctx[1]);                                                       \
	}

#if defined(__TARGET_ARCH_x86)
FUNCTION_EXIT(__x64, sys_kill)
FUNCTION_EXIT(__x64, sys_tkill)
FUNCTION_EXIT(__x64, sys_tgkill)
FUNCTION_EXIT(__x64, sys_rt_sigqueueinfo)
FUNCTION_EXIT(__x64, sys_rt_tgsigqueueinfo)
FUNCTION_EXIT(__x64, sys_pidfd_send_signal)
FUNCTION_EXIT(__ia32, sys_kill)
FUNCTION_EXIT(__ia32, sys_tkill)
FUNCTION_EXIT(__ia32, sys_tgkill)
FUNCTION_EXIT(__ia32, compat_sys_rt_sigqueueinfo)
FUNCTION_EXIT(__ia32, compat_sys_rt_tgsigqueueinfo)
FUNCTION_EXIT(__ia32, sys_pidfd_send_signal)
FUNCTION_EXIT(__x64, compat_sys_rt_sigqueueinfo)
FUNCTION_EXIT(__x64, compat_sys_rt_tgsigqueueinfo)
ANY_FUNCTION_EXIT(__x64_sys_kill)
#elif defined(__TARGET_ARCH_arm64)
FUNCTION_EXIT(__arm64, sys_kill)
FUNCTION_EXIT(__arm64, sys_tkill)
FUNCTION_EXIT(__arm64, sys_tgkill)
FUNCTION_EXIT(__arm64, sys_rt_sigqueueinfo)
FUNCTION_EXIT(__arm64, sys_rt_tgsigqueueinfo)
FUNCTION_EXIT(__arm64, sys_pidfd_send_signal)
FUNCTION_EXIT(__arm64, compat_sys_rt_sigqueueinfo)
FUNCTION_EXIT(__arm64, compat_sys_rt_tgsigqueueinfo)
ANY_FUNCTION_EXIT(__arm64_sys_kill)
#endif

/* Signals: sig, info, task, group, result. What memory holds is a number to the verifier. */
static __always_inline int generate(__u64 *ctx)
{
	__u32 zero = 0;
	struct generated *g = bpf_map_lookup_elem(&scratch, &zero);

	if (!g)
		return 0;
	g->signo = ctx[0];
	g->info = ctx[1];
	g->task = ctx[2];
	g->group = (int)ctx[3];
	g->result = ctx[4];
	return on_generate(g, CAST(task_struct, ctx[2]),
			   CAST(kernel_siginfo, ctx[1]), ctx);
}

/* 5.5, commit ac4414b5ca47 (bpf: Add attach_btf_id attribute to program load) */
SEC("?tp_btf/signal_generate")
int generate_btf(__u64 *ctx)
{
	return generate(ctx);
}

SEC("?raw_tp/signal_generate")
int generate_raw(__u64 *ctx)
{
	return generate(ctx);
}

/*
 * Calls, by syscall tracepoints: 64-bit callers only, and every syscall of the machine
 * slower. User space attaches it to all six.
 */
SEC("?tracepoint")
int exit_six(struct trace_event_raw_sys_exit *ctx)
{
	return on_exit(ctx, ctx->ret);
}

/* Calls, by the exit of every syscall: needs no tracefs, and is dearer still. Arguments: regs, ret. */
SEC("?tp_btf/sys_exit")
int exit_any(__u64 *ctx)
{
	return on_exit(ctx, ctx[1]);
}

#endif
