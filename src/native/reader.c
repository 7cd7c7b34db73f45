/* SPDX-License-Identifier: MIT */
/* The C side of the binding: everything that must not be Python, and nothing else. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "reader.h"

struct reader {
	struct ring_buffer *ring;
	size_t record_size;
	char *next;
	size_t room;
	size_t foreign;
};

/* Any value below 0 stops libbpf after this record, which then counts as read. */
#define STOP (-1)

static int copy_record(void *context, void *data, size_t size)
{
	struct reader *reader = context;

	if (size != reader->record_size) {
		reader->foreign++;
		return STOP;
	}
	memcpy(reader->next, data, size);
	reader->next += size;
	return --reader->room ? 0 : STOP;
}

struct reader *reader_new(int ring_fd, size_t record_size)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->record_size = record_size;
	reader->ring = ring_buffer__new(ring_fd, copy_record, reader, NULL);
	if (!reader->ring) {
		int error = errno;

		free(reader);
		errno = error;
		return NULL;
	}
	return reader;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	ring_buffer__free(reader->ring);
	free(reader);
}

int reader_fd(const struct reader *reader)
{
	return ring_buffer__epoll_fd(reader->ring);
}

long reader_fill(struct reader *reader, void *batch, size_t capacity)
{
	int error;

	reader->next = batch;
	reader->room = capacity;
	if (!capacity)
		return 0;
	error = ring_buffer__consume(reader->ring);
	if (reader->foreign)
		return -EBADMSG;
	if (error < 0 && error != STOP)
		return error;
	return capacity - reader->room;
}

int run_once(int program_fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(program_fd, &options);
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
