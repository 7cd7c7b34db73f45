/* SPDX-License-Identifier: MIT */
/*
 * The part of events' JSON that no two events share: their numbers and times, as text.
 * Read by the C compiler and, for Python, by cffi.
 */

/* Room for one event, whatever its numbers. */
#define NUMBERS_ROOM 192

/*
 * For each of `count` slots of a batch, one behind the other in `out`, from the number of
 * its send to behind boot_ns, and for an end `, "delay_ns": N, ` behind that: where
 * both pieces end is in `ends`, two for each. Their time is the boot clock's, `wall_offset`
 * later. Returns how long all is.
 */
size_t write_numbers(const void *slots, size_t count, long long wall_offset, char *out,
		     unsigned int *ends);
