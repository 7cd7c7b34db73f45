/* SPDX-License-Identifier: MIT */
/*
 * From the ring buffer into batches, in C: Python is never called per record.
 * Read by the C compiler and, for Python, by cffi.
 */

/* A ring buffer, the batch being filled, and the records that wait for another. */
struct reader;

/*
 * NULL with errno where the maps cannot be mapped. live_fd: the map that holds
 * struct sigsnoop_live. origins: a bit for each origin that is wanted; what
 * turns out to be of another is left out, and counted.
 */
struct reader *reader_new(int ring_fd, int live_fd, unsigned int origins);
void reader_free(struct reader *reader);

/*
 * Has the next record wake whoever waits for the ring. True: the ring is empty,
 * so to wait is right; false: something is there or on its way.
 */
bool reader_may_sleep(struct reader *reader);

/*
 * Whether the last reader_fill ended at a record that is still being written: what is behind it
 * is out of reach, and to look again at once is in vain. Its writer may wait for a CPU.
 */
bool reader_stalled(const struct reader *reader);

/*
 * Readable once a send that is kept back is to be handed out anyway, and a moment after a
 * reader_fill that found a record which is still being written.
 */
int reader_timer_fd(const struct reader *reader);

/*
 * Moves at most capacity (2048 at the most) complete events to batch and returns
 * how many; what does not fit stays in the ring. Never waits. A slot whose type is
 * not SIGSNOOP_SEND holds a struct sigsnoop_end. With all, sends that still wait
 * for their answer are handed out without it. Below 0: -errno.
 */
long reader_fill(struct reader *reader, struct sigsnoop_send *batch, size_t capacity, bool all);

/*
 * The same into a bytearray, by its id() in Python, which nobody else knows yet; it is
 * then as long as what came.
 */
long reader_fill_bytes(struct reader *reader, uintptr_t bytes, size_t capacity, bool all);

/*
 * What came with the sends of the last batch, valid until the next: for each record
 * the index of its send in the batch, its size (unsigned int both), the record.
 */
const unsigned char *reader_companions(const struct reader *reader, size_t *size);

/* What was handed out so far. */
struct reader_counts {
	unsigned long long events;	/* of all types */
	unsigned long long calls;	/* that the events and answers complete */
	unsigned long long signals;	/* that were generated */
	unsigned long long deliveries;
	unsigned long long deaths;
	unsigned long long filtered;	/* turned out to be of an origin that is not wanted */
	unsigned long long missing;	/* companions that gave way before their send came */
	unsigned long long answers;	/* of group sends: no events of their own; */
	unsigned long long victims;	/* nor is what the OOM killer says of its */
};
struct reader_counts reader_counts(const struct reader *reader);

/* Runs a program once in the calling thread (BPF_PROG_TEST_RUN): what it returned, or -errno. */
int run_once(int program_fd, const uint64_t *arguments, size_t count);

/*
 * Loads a program with nothing in it for the return of a function, by its id in the
 * kernel's types, and drops it: 0, or -errno where the kernel takes none.
 */
int try_function_exit(unsigned int function);

/* How often the kernel skipped a program because it was already running; 0 before 5.12. */
uint64_t program_misses(int program_fd);

/* Loading takes megabytes for a moment, which the C library would keep for later. */
void give_memory_back(void);

/* How many entries a map holds. */
unsigned int count_keys(int map_fd);

/* Runs a task iterator's program for each task of the caller's pid namespace: 0 or -errno. */
struct bpf_program;
int run_for_tasks(const struct bpf_program *program);

/*
 * Follows all that followed processes created, and those created, by the notes
 * of who created whom. How many, or -errno; refused: how many found no room.
 */
long take_in(int creators_fd, int followed_fd, unsigned int *refused);

/* Empties the notes, and stops following those that ended meanwhile. */
void forget_creators(int creators_fd, int followed_fd);

/* From log_start to log_end, what libbpf says in this thread is kept; the text lives until the next. */
void log_start(void);
const char *log_end(void);
