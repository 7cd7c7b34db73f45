/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Loops of many turns. The verifier follows each turn, half of all that it would look at here; but
 * of a loop that the kernel counts only until two turns are alike.
 *
 *	begin_turns(&turns, MOST);
 *	do {
 *		if (was_last_turn(&turns))
 *			break;
 *		...	(to leave it by break alone)
 *	} while (next_turn(&turns, MOST));
 *	end_turns(&turns);
 *
 * In this order: 5.10 refuses a loop that comes to its beginning without a jump, also where it is
 * never run.
 */
#ifndef SIGSNOOP_LOOP_BPF_H
#define SIGSNOOP_LOOP_BPF_H

/* 6.4, commit 6018e1f407cc (bpf: implement numbers iterator) */
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym __weak;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym __weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym __weak;

struct turns {
	struct bpf_iter_num left;	/* by the kernel's count */
	int done;	/* by ours */
};

static __always_inline void begin_turns(struct turns *turns, int most)
{
	turns->done = 0;
	if (settings.iterates)
		bpf_iter_num_new(&turns->left, 0, most);
}

static __always_inline bool was_last_turn(struct turns *turns)
{
	return settings.iterates && !bpf_iter_num_next(&turns->left);
}

/* Where the kernel counts, ours is not even looked at: a number that grows is never alike. */
static __always_inline bool next_turn(struct turns *turns, int most)
{
	return settings.iterates || ++turns->done < most;
}

static __always_inline void end_turns(struct turns *turns)
{
	if (settings.iterates)
		bpf_iter_num_destroy(&turns->left);
}

#endif
