/* SPDX-License-Identifier: MIT */
/* Taking in the processes that a followed one has already, from notes of who created whom. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "sigsnoop.h"
#include "reader.h"

int run_for_tasks(const struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	int error = 0, fd;
	char nothing[64];
	ssize_t size;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		error = fd;
	} else {
		/* The walk goes on as it is read; EAGAIN after a million tasks. */
		do
			size = read(fd, nothing, sizeof(nothing));
		while (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR)));
		if (size < 0)
			error = -errno;
		close(fd);
	}
	bpf_link__destroy(link);
	return error;
}

/* One pass over the notes: follows whom a followed process created. -errno, or how many are new. */
static long pass(int creators_fd, int followed_fd, unsigned int *refused)
{
	struct sigsnoop_identity child, *last = NULL;
	struct sigsnoop_creator note;
	unsigned char one;
	long found = 0;

	*refused = 0;
	/* Nothing is deleted meanwhile, so the walk misses only what is noted while it runs. */
	while (!bpf_map_get_next_key(creators_fd, last, &child)) {
		last = &child;
		if (bpf_map_lookup_elem(creators_fd, &child, &note) ||
		    bpf_map_lookup_elem(followed_fd, &note.identity, &one) ||
		    !bpf_map_lookup_elem(followed_fd, &child, &one))
			continue;
		one = 1;
		if (!bpf_map_update_elem(followed_fd, &child, &one, BPF_ANY))
			found++;
		else if (errno == E2BIG || errno == ENOMEM)
			++*refused;
		else
			return -errno;
	}
	return errno == ENOENT ? found : -errno;
}

long take_in(int creators_fd, int followed_fd, unsigned int *refused)
{
	long all = 0, found;

	do {
		found = pass(creators_fd, followed_fd, refused);
		all += found;
	} while (found > 0);
	return found < 0 ? found : all;
}

void forget_creators(int creators_fd, int followed_fd)
{
	struct sigsnoop_identity child;
	struct sigsnoop_creator note;

	while (!bpf_map_get_next_key(creators_fd, NULL, &child)) {
		if (!bpf_map_lookup_elem(creators_fd, &child, &note) && note.child_gone)
			bpf_map_delete_elem(followed_fd, &child);
		if (bpf_map_delete_elem(creators_fd, &child))
			return;
	}
}
