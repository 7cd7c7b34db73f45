/* SPDX-License-Identifier: MIT */
/* Read by the C compiler and, for Python, by cffi. Sets of capabilities have a bit for each. */

/* What the calling thread holds: 0 or -errno. */
int get_capabilities(uint64_t *permitted, uint64_t *effective);

/* Has the calling thread hold these and hand none to programs that it runs: 0 or -errno. */
int set_capabilities(uint64_t permitted, uint64_t effective);

/* Has no program that the calling thread runs get any (CAP_SETPCAP): 0 or -errno. */
int forbid_capabilities(void);

/* Whether capabilities outlive a change of user: 0 or -errno. */
int keep_capabilities(bool on);

/* No program that the calling thread runs can get more rights than it has: 0 or -errno. */
int forbid_new_privileges(void);
