/* SPDX-License-Identifier: MIT */
/*
 * The kernel's types, cut down to those that an object names. libbpf looks through
 * all that it is given for each type that a program reads: of the whole kernel's
 * that is most of the time that opening takes.
 */

/*
 * Cuts the BTF at `path` down to what the object at `object` names, and what lies
 * inside of that, pointers not followed. ids[i] becomes the kernel's own id of the
 * structure, the function or the enumerator (its enumeration's) called names[i], 0
 * where there is none. Returns the size of the new BTF in *cut, to be given to
 * free(), or a negative errno; -ENOTSUP: a kind of type that is not known here.
 */
long cut_types(const char *path, const char *object, const char *const *names,
	       unsigned int *ids, size_t count, void **cut);

/* bpf_object__open_file(), with programs fitted to the BTF in another file, NULL for the kernel's. */
struct bpf_object *open_object(const char *path, const char *btf_path);

void free(void *memory);
