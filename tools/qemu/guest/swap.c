// SPDX-License-Identifier: GPL-2.0
/*
 * swap DEVICE MB: have MB megabytes swapped out to DEVICE, and look after the
 * page table entries that say where: they are copied by fork(), moved by
 * mremap(), changed by mprotect(), turned into pages one by one when touched,
 * and all at once by swapoff().
 *
 * An entry that lost half of its words leads to somebody else's page, or none.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/swap.h>

#include "memory.h"

/* Bits of /proc/self/pagemap */
#define PM_SWAP		(1ull << 62)
#define PM_PRESENT	(1ull << 63)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

/* How many pages have @bit in the pagemap; none if it cannot be read. */
static size_t count(const void *mem, size_t pages, uint64_t bit)
{
	off_t at = (uintptr_t)mem / PAGE * sizeof(uint64_t);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	size_t n = 0, i;
	uint64_t entry;

	for (i = 0; i < pages; i++, at += sizeof(entry)) {
		if (pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
			break;
		n += !!(entry & bit);
	}
	close(fd);
	return n;
}

/* A line of /proc/meminfo, in kilobytes. */
static size_t meminfo(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	size_t len = strlen(name), kb = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			kb = strtoul(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/*
 * Reclaim leaves the contents in memory for as long as they are being written
 * to the device.  Read once more, they are clean the second time.
 */
static int pageout(char *mem, size_t pages)
{
	size_t i;

	if (madvise(mem, pages * PAGE, MADV_PAGEOUT))
		return -1;
	for (i = 0; meminfo("Writeback") && i < 600; i++)
		usleep(100000);
	for (i = 0; i < pages; i++)
		(void)*(volatile char *)(mem + i * PAGE);
	return madvise(mem, pages * PAGE, MADV_PAGEOUT);
}

/* In the child: the parent's entries, first as copied, then moved. */
static int child(char *mem, size_t pages, size_t out)
{
	size_t half = pages / 2, n;
	char *to;
	int bad;

	n = count(mem, pages, PM_SWAP);
	bad = report(n == out, "entries copied by fork", n, out);

	to = mmap(NULL, pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		  -1, 0);
	if (to == MAP_FAILED ||
	    mremap(mem, half * PAGE, half * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   to) == MAP_FAILED ||
	    mremap(mem + half * PAGE, (pages - half) * PAGE,
		   (pages - half) * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   to + half * PAGE) == MAP_FAILED) {
		perror("swap: mremap");
		return 1;
	}
	n = count(to, pages, PM_SWAP);
	bad |= report(n == out, "entries moved by mremap", n, out);

	if (mprotect(to, pages * PAGE, PROT_READ) ||
	    mprotect(to, pages * PAGE, PROT_READ | PROT_WRITE)) {
		perror("swap: mprotect");
		return 1;
	}
	n = wrong((void *)to, pages, 0);
	bad |= report(!n, "words wrong in the child", n, 0);

	/* Each page is its own from here on. */
	fill((void *)to, pages, 1);
	madvise(to, pages * PAGE, MADV_PAGEOUT);
	n = wrong((void *)to, pages, 1);
	bad |= report(!n, "words wrong once the child wrote", n, 0);
	return bad;
}

int main(int argc, char **argv)
{
	size_t pages, out, n;
	int status, bad;
	char *mem;
	pid_t pid;

	if (argc != 3) {
		fprintf(stderr, "usage: swap DEVICE MB\n");
		return 2;
	}
	pages = strtoul(argv[2], NULL, 0) * (1024 * 1024 / PAGE);
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		perror("swap: mmap");
		return 2;
	}
	if (swapon(argv[1], 0)) {
		perror("swap: swapon");
		return 2;
	}

	fill((void *)mem, pages, 0);
	if (pageout(mem, pages)) {
		perror("swap: MADV_PAGEOUT");
		return 2;
	}
	out = count(mem, pages, PM_SWAP);
	bad = report(out > pages / 2, "pages swapped out", out, pages);
	n = meminfo("SwapCached") / 4;
	bad |= report(n < out / 4, "of them still in memory, about", n, 0);

	pid = fork();
	if (!pid)
		_exit(child(mem, pages, out));
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("swap: fork");
		return 2;
	}
	bad |= report(!status, "status of the child", status, 0);

	/* A part comes back as it is touched, the rest at once. */
	n = wrong((void *)mem, pages / 4, 0);
	bad |= report(!n, "words wrong after page faults", n, 0);
	if (swapoff(argv[1])) {
		perror("swap: swapoff");
		return 2;
	}
	n = count(mem, pages, PM_PRESENT);
	bad |= report(n == pages, "pages that swapoff brought back", n, pages);
	n = wrong((void *)mem, pages, 0);
	bad |= report(!n, "words wrong after swapoff", n, 0);
	return bad;
}
