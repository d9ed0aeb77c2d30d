// SPDX-License-Identifier: GPL-2.0
/*
 * memtouch MB: fill MB megabytes of memory from several processes, each with a
 * pattern of its own, and read all of it back once all of it is in use.
 *
 * A page that is mapped twice, or whose frame number lost its upper bits on the
 * way to the page table, holds somebody else's pattern.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_MB	512
#define PAGE		4096
#define WORDS		(PAGE / sizeof(uint32_t))

static uint32_t pattern(unsigned int who, size_t page, size_t word)
{
	return (who + 1) * 0x9e3779b1u ^ page * 0x85ebca6bu ^ word;
}

/* The first and last words of each page, and some in between. */
static const unsigned short where[] = { 0, 1, 255, 511, 767, WORDS - 1 };

#define NR_WHERE	(sizeof(where) / sizeof(where[0]))

static size_t verify(const uint32_t *mem, size_t pages, unsigned int who)
{
	size_t bad = 0, p, i;

	for (p = 0; p < pages; p++)
		for (i = 0; i < NR_WHERE; i++)
			bad += mem[p * WORDS + where[i]] !=
			       pattern(who, p, where[i]);
	return bad;
}

static int worker(unsigned int who, size_t mb, int ready, int go)
{
	size_t pages = mb * 256, p, i, bad;
	uint32_t *mem;
	char c = 'r';

	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("memtouch: mmap");
		return 2;
	}
	for (p = 0; p < pages; p++)
		for (i = 0; i < NR_WHERE; i++)
			mem[p * WORDS + where[i]] = pattern(who, p, where[i]);

	if (write(ready, &c, 1) != 1 || read(go, &c, 1) < 0)
		return 2;

	bad = verify(mem, pages, who);
	if (bad)
		printf("process %u: %zu words are wrong\n", who, bad);
	return bad != 0;
}

int main(int argc, char **argv)
{
	size_t mb = argc == 2 ? strtoul(argv[1], NULL, 0) : 0;
	unsigned int n, i, failed = 0, arrived = 0;
	int ready[2], go[2], status;
	char c;

	if (!mb) {
		fprintf(stderr, "usage: memtouch MB\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pipe(ready) || pipe(go)) {
		perror("memtouch: pipe");
		return 1;
	}

	n = (mb + CHUNK_MB - 1) / CHUNK_MB;
	for (i = 0; i < n; i++) {
		switch (fork()) {
		case -1:
			perror("memtouch: fork");
			return 1;
		case 0:
			close(go[1]);
			close(ready[0]);
			_exit(worker(i, mb / n, ready[1], go[0]));
		}
	}

	/* All memory is in use before anyone looks at it again. */
	close(ready[1]);
	close(go[0]);
	while (arrived < n && read(ready[0], &c, 1) == 1)
		arrived++;
	close(go[1]);

	while (wait(&status) > 0)
		failed += status != 0;
	if (arrived == n && !failed)
		printf("ok - %zu MB hold their patterns, %u processes\n",
		       mb / n * n, n);
	else
		printf("not ok - %u of %u processes filled memory, %u failed\n",
		       arrived, n, failed);
	return 0;
}
