/* SPDX-License-Identifier: MIT */
/*
 * From the ring buffer into batches, in C: Python is never called per record.
 * Read by the C compiler and, for Python, by cffi.
 */

/* A ring buffer and the batch that its records are being copied into. */
struct reader;

/* NULL with errno where the ring cannot be mapped. record_size is the size of every record. */
struct reader *reader_new(int ring_fd, size_t record_size);
void reader_free(struct reader *reader);

/* An epoll descriptor, readable while the ring holds records. */
int reader_fd(const struct reader *reader);

/*
 * Copies at most capacity records to batch and returns how many; what does not
 * fit stays in the ring. Never waits. Below 0: -errno.
 */
long reader_fill(struct reader *reader, void *batch, size_t capacity);

/*
 * Runs a program once in the calling thread (BPF_PROG_TEST_RUN): 0 or -errno.
 */
int run_once(int program_fd);

/* How often the kernel skipped a program because it was already running; 0 before 5.12. */
uint64_t program_misses(int program_fd);

/* From log_start to log_end, what libbpf says in this thread is kept; the text lives until the next. */
void log_start(void);
const char *log_end(void);
