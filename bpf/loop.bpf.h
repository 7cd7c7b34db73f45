/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Loops of many turns. The verifier follows each turn, which is most of what it does here; but of
 * a loop that the kernel counts only until two turns are alike. So with `struct bpf_iter_num turns`:
 *
 *	begin_turns(&turns, MOST);
 *	for (int i = 0; next_turn(&turns, i, MOST); i++)
 *		...	(leave it by break alone)
 *	end_turns(&turns);
 */
#ifndef SIGSNOOP_LOOP_BPF_H
#define SIGSNOOP_LOOP_BPF_H

/* 6.4, commit 6018e1f407cc (bpf: implement numbers iterator) */
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym __weak;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym __weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym __weak;

static __always_inline void begin_turns(struct bpf_iter_num *turns, int most)
{
	if (settings.iterates)
		bpf_iter_num_new(turns, 0, most);
}

static __always_inline bool next_turn(struct bpf_iter_num *turns, int turn, int most)
{
	return settings.iterates ? bpf_iter_num_next(turns) != NULL : turn < most;
}

static __always_inline void end_turns(struct bpf_iter_num *turns)
{
	if (settings.iterates)
		bpf_iter_num_destroy(turns);
}

#endif
