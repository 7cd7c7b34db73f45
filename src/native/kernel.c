/* SPDX-License-Identifier: MIT */
/* What libbpf's interface leaves to C: its log, running a program once, a program's own counts. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "sigsnoop.h"
#include "reader.h"

int run_once(int program_fd, const uint64_t *arguments, size_t count)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = count ? arguments : NULL,
		    .ctx_size_in = count * sizeof(*arguments));
	int error = bpf_prog_test_run_opts(program_fd, &options);

	return error ? error : (int)options.retval;
}

int try_function_exit(unsigned int function)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FEXIT,
		    .attach_btf_id = function);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "Dual BSD/GPL", nothing, 2, &options);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

uint64_t program_misses(int program_fd)
{
	/* A kernel that knows fewer fields fills in fewer. */
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size))
		return 0;
	return info.recursion_misses;
}

/* Keys are walked while programs change them, so the walk is bounded. */
unsigned int count_keys(int map_fd)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	char key[2][64];
	unsigned int count;
	void *last = NULL;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &size) || info.key_size > sizeof(key[0]))
		return 0;
	for (count = 0; count < info.max_entries; count++) {
		if (bpf_map_get_next_key(map_fd, last, key[count % 2]))
			break;
		last = key[count % 2];
	}
	return count;
}

void give_memory_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/* A verifier log is long and its end says most: the start is dropped where it does not fit. */
#define LOG_SIZE (256 * 1024)

static __thread char *log_text;
static __thread size_t log_used;
static __thread bool log_open;

static int keep_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	int size;

	if (!log_open || !log_text || level == LIBBPF_DEBUG)
		return 0;
	if (log_used > LOG_SIZE / 2) {
		memmove(log_text, log_text + LOG_SIZE / 4, log_used - LOG_SIZE / 4);
		log_used -= LOG_SIZE / 4;
	}
	size = vsnprintf(log_text + log_used, LOG_SIZE - log_used, format, arguments);
	if (size > 0)
		log_used += (size_t)size < LOG_SIZE - log_used ? (size_t)size
							       : LOG_SIZE - log_used - 1;
	return 0;
}

void log_start(void)
{
	if (!log_text)
		log_text = malloc(LOG_SIZE);
	if (log_text)
		log_text[0] = '\0';
	log_used = 0;
	log_open = true;
	libbpf_set_print(keep_log);
}

const char *log_end(void)
{
	log_open = false;
	return log_text ? log_text : "";
}
