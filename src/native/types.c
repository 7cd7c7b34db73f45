/* SPDX-License-Identifier: MIT */
/* The kernel's types, cut down. The format is Documentation/bpf/btf.rst; the walk, one pass. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/btf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "types.h"

/* 5.18 and 6.0; the headers of Debian 12 have them, an older system's may not. */
#define KIND_TYPE_TAG 18
#define KIND_ENUM64 19

/* A power of two, and some times what an object names. */
#define NAMES 2048

/* No name that the kernel takes is as long (KSYM_NAME_LEN, 6.1 and newer). */
#define NAME_SIZE 512

/* A power of two, and some times as many as there are names: most are found free. */
#define BEGINNINGS 32768

struct name {
	const char *text;
	size_t size;
	unsigned int asked;	/* from 1: which of the caller's names it is */
};

struct cutter {
	char *data;	/* the whole BTF */
	size_t size;
	bool mapped;	/* data is the file's own memory */
	struct btf_header *header;
	const char *types, *strings;
	unsigned int *at;	/* where each type is, from 1 */
	unsigned int *new_ids;	/* of those that are kept; 0 for the others */
	unsigned int *order;	/* those that are kept, by their new ids, from 1 */
	unsigned int count, kept;
	struct name names[NAMES];
	unsigned int named;
	bool begins[BEGINNINGS];	/* by their beginnings: whether there is a name with it */
	/* The result: types, and the strings that they use. */
	char *out, *text;
	size_t used, text_used;
};

/* To its end: fstat() would ask for a newer C library than all else here does. */
static int read_on(struct cutter *c, int fd)
{
	size_t room = 0;
	ssize_t got;

	do {
		if (c->size == room) {
			char *grown = realloc(c->data, room = room ? room * 2 : 8 << 20);

			if (!grown)
				return -ENOMEM;
			c->data = grown;
		}
		got = read(fd, c->data + c->size, room - c->size);
		if (got < 0)
			return -errno;
		c->size += got;
	} while (got > 0);
	return 0;
}

static int read_all(struct cutter *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	off_t size;

	if (fd < 0)
		return -errno;
	/* The kernel's own can be mapped since 6.16; before, it is read a page at a time. */
	size = lseek(fd, 0, SEEK_END);
	c->data = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	if (c->data != MAP_FAILED) {
		c->size = size;
		c->mapped = true;
	} else {
		c->data = NULL;
		lseek(fd, 0, SEEK_SET);
		error = read_on(c, fd);
	}
	close(fd);
	if (error)
		return error;
	c->header = (void *)c->data;
	if (c->size < sizeof(*c->header) || c->header->magic != BTF_MAGIC ||
	    (uint64_t)c->header->hdr_len + c->header->type_off + c->header->type_len > c->size ||
	    (uint64_t)c->header->hdr_len + c->header->str_off + c->header->str_len > c->size ||
	    (c->header->hdr_len | c->header->type_off) % sizeof(uint32_t) || !c->header->str_len)
		return -EBADMSG;
	c->types = c->data + c->header->hdr_len + c->header->type_off;
	c->strings = c->data + c->header->hdr_len + c->header->str_off;
	return c->strings[c->header->str_len - 1] ? -EBADMSG : 0;
}

static const struct btf_type *type_of(const struct cutter *c, unsigned int id)
{
	return (const void *)(c->types + c->at[id]);
}

/* Bounded: of a damaged file each of a million types can name the whole of the strings. */
static const char *string_at(const struct cutter *c, unsigned int offset)
{
	const char *text = c->strings + offset;

	return offset < c->header->str_len && strnlen(text, NAME_SIZE) < NAME_SIZE ? text : "";
}

/* What follows a type's first three words; -1: of an unknown kind. */
static int size_behind(const struct btf_type *type)
{
	unsigned int many = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return many * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return many * sizeof(struct btf_enum);
	case KIND_ENUM64:
	case BTF_KIND_DATASEC:
		return many * 12;
	case BTF_KIND_FUNC_PROTO:
		return many * sizeof(struct btf_param);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case KIND_TYPE_TAG:
		return 0;
	default:
		return -1;
	}
}

static int index_types(struct cutter *c)
{
	unsigned int room = c->header->type_len / sizeof(struct btf_type) + 2;
	unsigned int at = 0;

	c->at = malloc(room * sizeof(*c->at));
	c->new_ids = calloc(room, sizeof(*c->new_ids));
	c->order = malloc(room * sizeof(*c->order));
	if (!c->at || !c->new_ids || !c->order)
		return -ENOMEM;
	while (at + sizeof(struct btf_type) <= c->header->type_len) {
		const struct btf_type *type = (const void *)(c->types + at);
		int behind = size_behind(type);

		if (behind < 0)
			return -ENOTSUP;
		c->at[++c->count] = at;
		at += sizeof(*type) + behind;
	}
	return at == c->header->type_len ? 0 : -EBADMSG;
}

static struct name *name_slot(struct cutter *c, const char *text, size_t size)
{
	unsigned int hash = 2166136261u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	for (;; hash++) {
		struct name *name = &c->names[hash % NAMES];

		if (!name->text || (name->size == size && !memcmp(name->text, text, size)))
			return name;
	}
}

/*
 * A number for how a name begins, as far as it is essential. Nearly all of the kernel's many
 * names begin as none that is looked for does, which is found out sooner than what they are.
 */
static unsigned int beginning(const char *text)
{
	unsigned int number = 0;

	for (int i = 0; i < 5 && text[i]; i++) {
		if (i && text[i] == '_' && text[i + 1] == '_' && text[i + 2] == '_')
			break;
		number = number * 31 + (unsigned char)text[i];
	}
	return number % BEGINNINGS;
}

static int add_name(struct cutter *c, const char *text, size_t size, unsigned int asked)
{
	struct name *name = name_slot(c, text, size);

	if (!size)
		return 0;
	if (!name->text && ++c->named > NAMES / 2)
		return -E2BIG;
	name->text = text;
	name->size = size;
	c->begins[beginning(text)] = true;
	if (asked)
		name->asked = asked;
	return 0;
}

/* A name up to "___", behind which an object tells apart what is one in the kernel. */
static size_t essential_size(const char *text)
{
	const char *end = strstr(text + (*text != '\0'), "___");

	return end ? (size_t)(end - text) : strlen(text);
}

/* Keeps a type; one that lies in no other becomes void where another says that it does. */
static void keep(struct cutter *c, unsigned int id)
{
	unsigned int kind;

	if (!id || id > c->count || c->new_ids[id])
		return;
	kind = BTF_INFO_KIND(type_of(c, id)->info);
	if (kind == BTF_KIND_FUNC || kind == BTF_KIND_FUNC_PROTO || kind == BTF_KIND_VAR ||
	    kind == BTF_KIND_DATASEC || kind == BTF_KIND_DECL_TAG)
		return;
	c->new_ids[id] = ++c->kept;
	c->order[c->kept] = id;
}

static void keep_inner(struct cutter *c, const struct btf_type *type)
{
	unsigned int many = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_ARRAY:
		keep(c, ((const struct btf_array *)(type + 1))->type);
		keep(c, ((const struct btf_array *)(type + 1))->index_type);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (unsigned int i = 0; i < many; i++)
			keep(c, ((const struct btf_member *)(type + 1))[i].type);
		break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case KIND_TYPE_TAG:
		keep(c, type->type);
		break;
	}
}

static void find_enumerators(struct cutter *c, unsigned int id, size_t each, unsigned int *ids)
{
	const struct btf_type *type = type_of(c, id);
	const char *at = (const char *)(type + 1);

	for (unsigned int i = 0; i < BTF_INFO_VLEN(type->info); i++, at += each) {
		const char *text = string_at(c, *(const unsigned int *)at);
		struct name *name = name_slot(c, text, strlen(text));

		if (name->text && name->asked)
			ids[name->asked - 1] = id;
	}
}

static void find_types(struct cutter *c, unsigned int *ids)
{
	for (unsigned int id = 1; id <= c->count; id++) {
		const struct btf_type *type = type_of(c, id);
		unsigned int kind = BTF_INFO_KIND(type->info);
		const char *text;
		struct name *name;

		if (!type->name_off || type->name_off >= c->header->str_len ||
		    !c->begins[beginning(c->strings + type->name_off)] ||
		    (kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION && kind != BTF_KIND_ENUM &&
		     kind != KIND_ENUM64 && kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_FUNC))
			continue;
		text = string_at(c, type->name_off);
		if (!*text)
			continue;
		name = name_slot(c, text, essential_size(text));
		if (!name->text)
			continue;
		if (name->asked && (kind == BTF_KIND_STRUCT || kind == BTF_KIND_FUNC))
			ids[name->asked - 1] = id;
		if (kind == BTF_KIND_FUNC)
			continue;
		if (kind == BTF_KIND_ENUM || kind == KIND_ENUM64)
			find_enumerators(c, id, kind == BTF_KIND_ENUM ? 8 : 12, ids);
		keep(c, id);
	}
	/* What is kept grows meanwhile. Not by recursion: a damaged file has chains of any length. */
	for (unsigned int i = 1; i <= c->kept; i++)
		keep_inner(c, type_of(c, c->order[i]));
}

static unsigned int put_text(struct cutter *c, unsigned int offset)
{
	const char *text = string_at(c, offset);
	size_t size = strlen(text) + 1, at = c->text_used;

	if (size == 1)
		return 0;
	memcpy(c->text + at, text, size);
	c->text_used += size;
	return at;
}

/* How many bytes of strings a type needs. */
static size_t text_size(const struct cutter *c, const struct btf_type *type)
{
	unsigned int kind = BTF_INFO_KIND(type->info);
	const char *at = (const char *)(type + 1);
	size_t size = strlen(string_at(c, type->name_off)) + 1;
	size_t each = kind == BTF_KIND_ENUM ? 8 : 12;

	if (kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION || kind == BTF_KIND_ENUM ||
	    kind == KIND_ENUM64)
		for (unsigned int i = 0; i < BTF_INFO_VLEN(type->info); i++, at += each)
			size += strlen(string_at(c, *(const unsigned int *)at)) + 1;
	return size;
}

static unsigned int new_id(const struct cutter *c, unsigned int id)
{
	return id <= c->count ? c->new_ids[id] : 0;
}

static void put_type(struct cutter *c, const struct btf_type *from)
{
	size_t size = sizeof(*from) + size_behind(from);
	struct btf_type *type = (void *)(c->out + c->used);
	unsigned int kind = BTF_INFO_KIND(from->info), many = BTF_INFO_VLEN(from->info);
	char *at = (char *)(type + 1);

	memcpy(type, from, size);
	c->used += size;
	type->name_off = put_text(c, from->name_off);
	switch (kind) {
	case BTF_KIND_PTR:
		type->type = 0;	/* to anything: what it points to is found by its own name */
		break;
	case BTF_KIND_ARRAY:
		((struct btf_array *)at)->type = new_id(c, ((struct btf_array *)at)->type);
		((struct btf_array *)at)->index_type =
			new_id(c, ((struct btf_array *)at)->index_type);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (unsigned int i = 0; i < many; i++) {
			struct btf_member *member = (struct btf_member *)at + i;

			member->name_off = put_text(c, member->name_off);
			member->type = new_id(c, member->type);
		}
		break;
	case BTF_KIND_ENUM:
	case KIND_ENUM64:
		for (unsigned int i = 0; i < many; i++, at += kind == BTF_KIND_ENUM ? 8 : 12)
			*(unsigned int *)at = put_text(c, *(unsigned int *)at);
		break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case KIND_TYPE_TAG:
		type->type = new_id(c, from->type);
		break;
	}
}

static long put_all(struct cutter *c, void **cut)
{
	struct btf_header header = *c->header;
	size_t types = 0, text = 1;

	for (unsigned int i = 1; i <= c->kept; i++) {
		const struct btf_type *type = type_of(c, c->order[i]);

		types += sizeof(*type) + size_behind(type);
		text += text_size(c, type);
		/* Less than the whole, unless that is damaged. */
		if (text > c->size)
			return -EBADMSG;
	}
	c->out = malloc(sizeof(header) + types + text);
	if (!c->out)
		return -ENOMEM;
	c->used = sizeof(header);
	c->text = c->out + sizeof(header) + types;
	c->text[0] = '\0';
	c->text_used = 1;
	for (unsigned int i = 1; i <= c->kept; i++)
		put_type(c, type_of(c, c->order[i]));
	header.hdr_len = sizeof(header);
	header.type_off = 0;
	header.type_len = types;
	header.str_off = types;
	header.str_len = c->text_used;
	memcpy(c->out, &header, sizeof(header));
	*cut = c->out;
	return c->used + c->text_used;
}

static int add_names_of(struct cutter *c, const struct btf *btf)
{
	for (unsigned int id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *text = btf__name_by_offset(btf, type->name_off);
		unsigned int kind = BTF_INFO_KIND(type->info);
		int error;

		if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION && kind != BTF_KIND_ENUM &&
		    kind != KIND_ENUM64 && kind != BTF_KIND_TYPEDEF)
			continue;
		if (!text)
			return -EBADMSG;
		error = add_name(c, text, essential_size(text), 0);
		if (error)
			return error;
	}
	return 0;
}

long cut_types(const char *path, const char *object, const char *const *names,
	       unsigned int *ids, size_t count, void **cut)
{
	struct btf *btf = btf__parse_elf(object, NULL);
	struct cutter *c = calloc(1, sizeof(*c));
	long result = libbpf_get_error(btf);

	*cut = NULL;
	if (!result && !c)
		result = -ENOMEM;
	if (!result)
		result = read_all(c, path);
	if (!result)
		result = index_types(c);
	if (!result)
		result = add_names_of(c, btf);
	for (size_t i = 0; !result && i < count; i++) {
		ids[i] = 0;
		result = add_name(c, names[i], strlen(names[i]), i + 1);
	}
	if (!result) {
		find_types(c, ids);
		result = put_all(c, cut);
	}
	if (c) {
		if (c->mapped)
			munmap(c->data, c->size);
		else
			free(c->data);
		free(c->at);
		free(c->new_ids);
		free(c->order);
	}
	free(c);
	if (!libbpf_get_error(btf))
		btf__free(btf);
	return result;
}

struct bpf_object *open_object(const char *path, const char *btf_path)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = btf_path);

	return bpf_object__open_file(path, &options);
}
