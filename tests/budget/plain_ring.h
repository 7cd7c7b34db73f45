/* SPDX-License-Identifier: MIT */
/* A ring in ordinary memory, and records put into it; after reader.c, whose names it uses. */
static unsigned long consumer, producer;

static void put(unsigned char *data, const void *record, unsigned int size)
{
	memcpy(data + producer, &size, sizeof(size));
	memcpy(data + producer + RING_HEADER, record, size);
	producer += (size + RING_HEADER + 7) & ~7ul;
}
