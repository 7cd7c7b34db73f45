/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading the kernel's structures: a load where the verifier knows what a pointer
 * points to, which costs a nanosecond; a helper's call where it does not, which
 * costs ten, and a signal takes some sixty reads.
 */
#ifndef SIGSNOOP_READ_BPF_H
#define SIGSNOOP_READ_BPF_H

/*
 * Whether any address can be told to be something that the verifier knows. It trusts
 * such a pointer less than one that the kernel hands out, which is as well: what it
 * trusts costs it a search through all types at each load. Both are constant to it,
 * so what is not taken is neither checked nor kept.
 * 6.2, commit fd264ca02094 (bpf: Add kfunc to read-only cast a pointer)
 */
#define CASTS (settings.casts)

/*
 * Else whether it knows the tasks that the kernel hands to a program, and the current one.
 * 5.11, commit 3ca1032ab7ab (bpf: Implement get_current_task_btf and RET_PTR_TO_BTF_ID)
 */
#define DIRECT (CASTS || settings.direct)

extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

#define CAST(type, address)                                                                        \
	(CASTS ? (struct type *)bpf_rdonly_cast((void *)(address), settings.type)                  \
	       : (struct type *)(address))

/*
 * from->a->b->c, as READ(how, from, a, b, c). `how` is DIRECT where `from` is a task of
 * the kernel's own, or what one leads to; CASTS of what was cast; false of all else.
 */
#define READ(how, from, ...)                                                                       \
	({                                                                                         \
		typeof(from) from_ = (from);                                                       \
		typeof(___arrow(from_, __VA_ARGS__) + 0) value_;                                   \
		if (how)                                                                           \
			value_ = ___arrow(from_, __VA_ARGS__);                                     \
		else                                                                               \
			value_ = BPF_CORE_READ(from_, __VA_ARGS__);                                \
		value_;                                                                            \
	})

/*
 * A process's name, to memory of ours that is aligned: by halves, since clang would take it
 * for bytes, write each by itself, and have the copy of both wait for them.
 */
#define READ_COMM(how, to, task)                                                                   \
	({                                                                                         \
		__u64 *from_ = (void *)(task) + bpf_core_field_offset(struct task_struct, comm);   \
		__u64 *to_ = (void *)(to);                                                         \
		if (how) {                                                                         \
			to_[0] = from_[0];                                                         \
			to_[1] = from_[1];                                                         \
		} else {                                                                           \
			bpf_probe_read_kernel(to_, SIGSNOOP_COMM_LEN, from_);                      \
		}                                                                                  \
	})

/*
 * An offset that is a product, below `room`, a power of two. To the verifier of 6.1 a
 * constant times a value has no bound, and without one it adds nothing to a task's pointer.
 */
#define BOUNDED(product, room) ((product) & ((room)-1))

/*
 * A value by way of memory, which can be any to the verifier, and so is the same in each
 * turn of a loop: of one that it follows it checks all that comes after once for each
 * value, and for each of several that makes a product.
 */
#define RECALL(place) (*(volatile typeof(place) *)&(place))

/* The current thread, as the helpers want it that take no other: a call, which costs more than a load. */
static __always_inline struct task_struct *this_thread(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___probe, BPF_FUNC_get_current_task_btf))
		return bpf_get_current_task_btf();
	return (void *)bpf_get_current_task();
}

/* As it is read. */
static __always_inline struct task_struct *readable(struct task_struct *this)
{
	return CAST(task_struct, this);
}

static __always_inline struct task_struct *current_task(void)
{
	return readable(this_thread());
}

/* Its process's number and its own, process first, as bpf_get_current_pid_tgid() has them. */
static __always_inline __u64 pid_tgid_of(struct task_struct *this)
{
	if (DIRECT)
		return (__u64)READ(true, this, tgid) << 32 | (__u32)READ(true, this, pid);
	return bpf_get_current_pid_tgid();
}

#endif
