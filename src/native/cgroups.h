/* SPDX-License-Identifier: MIT */
/* Read by the C compiler and, for Python, by cffi. */

/*
 * A cgroup v2 folder by its id, as an O_PATH file descriptor; mount_fd is any
 * folder of the same mount. Below 0: -errno; -ESTALE where there is no such
 * cgroup any more, -EPERM without CAP_DAC_READ_SEARCH.
 */
int open_cgroup(int mount_fd, uint64_t id);
