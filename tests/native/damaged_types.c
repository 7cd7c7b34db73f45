/* SPDX-License-Identifier: MIT */
/*
 * Cuts damaged copies of a kernel's types: whatever they hold, nothing is read or written
 * outside of them, it ends, and what comes of it is whole.
 *
 *   damaged_types BTF OBJECT SECONDS SEED
 *
 * Prints how many were cut, how many of these were refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/btf.h>
#include "chance.h"
#include "types.h"

static const char *const names[] = { "task_struct", "pt_regs", "do_exit", "no_such_thing" };
#define NAMES (sizeof(names) / sizeof(*names))

static const unsigned int telling[] = { 0, 1, 2, 4, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff };

/* One word or byte somewhere; where all else depends on it, more often. */
static void damage(char *data, size_t size)
{
	size_t within = chance(4) ? size : chance(2) ? sizeof(struct btf_header) : 4096;
	size_t at = chance(within < size ? within : size);
	unsigned int word = telling[chance(sizeof(telling) / sizeof(*telling))];

	switch (chance(4)) {
	case 0:
		data[at] ^= 1 << chance(8);
		break;
	case 1:
		data[at] = word;
		break;
	case 2:	/* a kind and how many of it */
		word = chance(22) << 24 | (chance(2) ? 0xffff : chance(9));
		/* fallthrough */
	default:
		at &= ~3ul;
		if (at + sizeof(word) <= size)
			memcpy(data + at, &word, sizeof(word));
	}
}

/* libbpf gets this: each type within the types, each string and each id within theirs. */
static void check(const char *cut, size_t size)
{
	const struct btf_header *header = (const void *)cut;
	const char *strings;

	EXPECT(size >= sizeof(*header) && header->magic == BTF_MAGIC);
	EXPECT(header->hdr_len == sizeof(*header) && header->type_off == 0);
	EXPECT(header->str_off == header->type_len);
	EXPECT(size == sizeof(*header) + header->type_len + header->str_len);
	strings = cut + sizeof(*header) + header->str_off;
	EXPECT(!strings[0] && !strings[header->str_len - 1]);
}

static long cut_copy(const char *path, const char *object, char **kept)
{
	unsigned int ids[NAMES];
	void *cut;
	long size = cut_types(path, object, names, ids, NAMES, &cut);

	if (size < 0) {
		EXPECT(!cut);
		return size;
	}
	check(cut, size);
	if (kept)
		*kept = cut;
	else
		free(cut);
	return size;
}

static void write_all(int fd, const char *data, size_t size)
{
	EXPECT(!ftruncate(fd, 0));
	for (size_t done = 0; done < size;) {
		ssize_t more = pwrite(fd, data + done, size - done, done);

		EXPECT(more > 0);
		done += more;
	}
}

static char *read_whole(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	char *data = malloc(1 << 26);
	ssize_t more;

	EXPECT(fd >= 0 && data);
	for (*size = 0; (more = read(fd, data + *size, (1 << 26) - *size)) > 0;)
		*size += more;
	close(fd);
	return data;
}

int main(int count, char **arguments)
{
	char path[64], *seeds[2], *copy;
	unsigned long cuts = 0, refused = 0;
	size_t sizes[2];
	double end;
	int fd = memfd_create("types", 0);

	EXPECT(count == 5 && fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	end = seconds_now() + atof(arguments[3]);
	chance_state = strtoull(arguments[4], NULL, 10) * 2 + 1;
	seeds[0] = read_whole(arguments[1], &sizes[0]);
	/* The cut of the whole is small, so most are made of it. */
	sizes[1] = cut_copy(arguments[1], arguments[2], &seeds[1]);
	EXPECT((long)sizes[1] > 0);
	write_all(fd, seeds[1], sizes[1]);
	/* What was cut can be cut again, and stays as long. */
	EXPECT(cut_copy(path, arguments[2], NULL) == (long)sizes[1]);
	copy = malloc(sizes[0]);
	EXPECT(copy);
	do {
		unsigned int which = chance(16) != 0;
		size_t size = chance(8) ? sizes[which] : chance(sizes[which] + 1);

		memcpy(copy, seeds[which], size);
		for (int i = 1 << chance(8); size && i; i--)
			damage(copy, size);
		write_all(fd, copy, size);
		refused += cut_copy(path, arguments[2], NULL) < 0;
		cuts++;
	} while (seconds_now() < end);
	printf("%lu %lu\n", cuts, refused);
	free(copy);
	free(seeds[0]);
	free(seeds[1]);
	close(fd);
	return 0;
}
