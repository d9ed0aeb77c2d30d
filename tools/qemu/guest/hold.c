// SPDX-License-Identifier: GPL-2.0
/*
 * hold MB FILE: fill MB megabytes with a pattern and keep them until standard
 * input ends, then check each word of them.
 *
 * FILE gets the frame numbers of the pages, in hexadecimal and in order: who has
 * a dump of the machine finds them there.  The pattern of word W of page P is
 * (P + 1) * 0x9e3779b1 ^ W * 0x85ebca6b.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE		4096
#define WORDS		(PAGE / sizeof(uint32_t))
#define PRESENT		(1ULL << 63)
#define FRAME_MASK	((1ULL << 55) - 1)

static uint32_t pattern(size_t page, size_t word)
{
	return (page + 1) * 0x9e3779b1u ^ word * 0x85ebca6bu;
}

static int list_frames(const uint32_t *mem, size_t pages, const char *name)
{
	int map = open("/proc/self/pagemap", O_RDONLY);
	FILE *list = fopen(name, "w");
	uint64_t entry;
	size_t p;

	if (map < 0 || !list)
		return -1;
	for (p = 0; p < pages; p++) {
		off_t at = ((uintptr_t)mem / PAGE + p) * sizeof(entry);

		if (pread(map, &entry, sizeof(entry), at) != sizeof(entry) ||
		    !(entry & PRESENT))
			return -1;
		fprintf(list, "%llx\n",
			(unsigned long long)(entry & FRAME_MASK));
	}
	close(map);
	return fclose(list);
}

int main(int argc, char **argv)
{
	size_t mb = argc == 3 ? strtoul(argv[1], NULL, 0) : 0;
	size_t pages = mb * 256, bad = 0, p, w;
	uint32_t *mem;
	char c;

	if (!mb) {
		fprintf(stderr, "usage: hold MB FILE\n");
		return 2;
	}
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mem == MAP_FAILED || mlock(mem, pages * PAGE)) {
		perror("hold");
		return 1;
	}
	for (p = 0; p < pages; p++)
		for (w = 0; w < WORDS; w++)
			mem[p * WORDS + w] = pattern(p, w);
	if (list_frames(mem, pages, argv[2])) {
		perror("hold: frame numbers");
		return 1;
	}

	while (read(0, &c, 1) > 0)
		;
	for (p = 0; p < pages; p++)
		for (w = 0; w < WORDS; w++)
			bad += mem[p * WORDS + w] != pattern(p, w);
	if (bad)
		printf("not ok - %zu words of %zu MB changed\n", bad, mb);
	else
		printf("ok - %zu MB are as they were\n", mb);
	return 0;
}
