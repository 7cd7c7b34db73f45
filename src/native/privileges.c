/* SPDX-License-Identifier: MIT */
/* Capabilities and the like, by the kernel's own calls: libcap is one library less to need. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "privileges.h"

#define WORDS _LINUX_CAPABILITY_U32S_3

static int result_of(long answer)
{
	return answer < 0 ? -errno : 0;
}

int get_capabilities(uint64_t *permitted, uint64_t *effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[WORDS] = {};
	int error = result_of(syscall(SYS_capget, &header, held));

	*permitted = held[0].permitted | (uint64_t)held[1].permitted << 32;
	*effective = held[0].effective | (uint64_t)held[1].effective << 32;
	return error;
}

int set_capabilities(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	/* Inheritable stays empty; so do the ambient ones, which must be inheritable too. */
	struct __user_cap_data_struct held[WORDS] = {
		{ .permitted = (uint32_t)permitted, .effective = (uint32_t)effective },
		{ .permitted = permitted >> 32, .effective = effective >> 32 },
	};

	return result_of(syscall(SYS_capset, &header, held));
}

int forbid_capabilities(void)
{
	unsigned long capability;

	/* Up to the first that this kernel does not know. */
	for (capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			return -errno;
	return 0;
}

int keep_capabilities(bool on)
{
	return result_of(prctl(PR_SET_KEEPCAPS, (unsigned long)on, 0, 0, 0));
}

int forbid_new_privileges(void)
{
	return result_of(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}
