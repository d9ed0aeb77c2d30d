// SPDX-License-Identifier: GPL-2.0
/*
 * frames PAGES [BAD]: map machine frames as the toolstack of a dom0 does,
 * through privcmd.
 *
 * The first frames are those of Xen's own table of who has which frame, once
 * listed one by one and once as a range.  It tells the frames of PAGES pages of
 * this process; mapped a second time, they must show the same memory.  With BAD
 * there are frames among them that nobody may map, of which Xen may complain.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "memory.h"

/* The kernel's interface, include/uapi/xen/privcmd.h */
struct hypercall {
	uint64_t op;
	uint64_t arg[5];
};

struct range {
	uint64_t va;
	uint64_t frame;
	uint64_t pages;
};

struct map_ranges {
	int num;
	uint16_t dom;
	struct range *ranges;
};

struct map_list {
	unsigned int num;
	uint16_t dom;
	uint64_t addr;
	const unsigned long *frames;
	int *errors;
};

#define HYPERCALL	_IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))
#define MAP_RANGES	_IOC(_IOC_NONE, 'P', 2, sizeof(struct map_ranges))
#define MAP_LIST	_IOC(_IOC_NONE, 'P', 4, sizeof(struct map_list))

/* Xen's interface, xen/include/public/{xen,memory}.h */
#define MEMORY_OP		12
#define MACHPHYS_MFN_LIST	5
#define DOMID_XEN		0x7ff2u
#define DOMID_SELF		0x7ff0u

struct machphys_mfn_list {
	unsigned int max_extents;
	unsigned long *extents;
	unsigned int nr_extents;
};

/* A part of the table that Xen names one frame for: 2 MiB. */
#define EXTENT_PAGES	512u
#define EXTENT_WORDS	(EXTENT_PAGES * WORDS)

/* The local APIC, which Xen keeps for itself. */
#define APIC_FRAME	0xfee00ul

static int failed;

static void *area(int fd, size_t pages, int prot)
{
	void *res = mmap(NULL, pages * PAGE, prot, MAP_SHARED, fd, 0);

	if (res == MAP_FAILED)
		die("mmap of privcmd");
	return res;
}

static void *map_list(int fd, uint16_t dom, const unsigned long *frames,
		      int *errors, size_t pages, int prot)
{
	void *at = area(fd, pages, prot);
	struct map_list map = {
		.num = pages,
		.dom = dom,
		.addr = (uintptr_t)at,
		.frames = frames,
		.errors = errors,
	};

	if (ioctl(fd, MAP_LIST, &map))
		die("mapping a list of frames");
	return at;
}

static void *map_range(int fd, uint16_t dom, unsigned long frame, size_t pages,
		       int prot)
{
	void *at = area(fd, pages, prot);
	struct range range = {
		.va = (uintptr_t)at,
		.frame = frame,
		.pages = pages,
	};
	struct map_ranges map = {
		.num = 1,
		.dom = dom,
		.ranges = &range,
	};

	if (ioctl(fd, MAP_RANGES, &map))
		die("mapping a range of frames");
	return at;
}

static unsigned long pfn_of(int fd, const void *page)
{
	uint64_t entry;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)page / PAGE * sizeof(entry)) !=
	    sizeof(entry))
		die("/proc/self/pagemap");
	return entry & ((1ull << 55) - 1);
}

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, n, i;
	int bad = argc > 2, priv, pagemap;
	unsigned long list[EXTENT_PAGES], extent = 0, *frames;
	const volatile uint32_t *table;
	struct machphys_mfn_list machphys = {
		.max_extents = 1,
		.extents = &extent,
	};
	struct hypercall call = {
		.op = MEMORY_OP,
		.arg = { MACHPHYS_MFN_LIST, (uintptr_t)&machphys },
	};
	int errors[EXTENT_PAGES], *error, round;
	uint32_t *mem, *again;
	uint16_t *seen;

	if (!pages) {
		fprintf(stderr, "usage: frames PAGES [BAD]\n");
		return 2;
	}
	priv = open("/dev/xen/privcmd", O_RDWR);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (priv < 0 || pagemap < 0)
		die("/dev/xen/privcmd, /proc/self/pagemap");

	/* Xen writes to it, and takes no page faults for that. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
	if (ioctl(priv, HYPERCALL, &call))
		die("asking Xen for the frames of its table");
	failed |= report(machphys.nr_extents == 1 && extent, "parts of the table",
			 machphys.nr_extents, 1);

	for (i = 0; i < EXTENT_PAGES; i++)
		list[i] = extent + i;
	table = map_list(priv, DOMID_XEN, list, errors, EXTENT_PAGES, PROT_READ);
	for (n = i = 0; i < EXTENT_PAGES; i++)
		n += !!errors[i];
	failed |= report(!n, "frames of the list that could not be mapped", n, 0);
	again = map_range(priv, DOMID_XEN, extent, EXTENT_PAGES, PROT_READ);
	for (n = i = 0; i < EXTENT_WORDS; i++)
		n += table[i] != again[i];
	/* Pages come and go in between. */
	failed |= report(n < EXTENT_WORDS / 100, "words that differ in the range", n, 0);
	munmap(again, EXTENT_PAGES * PAGE);

	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	frames = calloc(pages, sizeof(*frames));
	error = calloc(pages, sizeof(*error));
	seen = calloc(pages, sizeof(*seen));
	if (mem == MAP_FAILED || !frames || !error || !seen)
		die("memory");
	fill(mem, pages, 0);

	/* Who has the frame, looked up the other way round. */
	for (i = 0; i < pages; i++) {
		unsigned long pfn = pfn_of(pagemap, (char *)mem + i * PAGE), mfn;

		for (mfn = 0; mfn < EXTENT_WORDS; mfn++) {
			if (table[mfn] != pfn)
				continue;
			frames[i] = mfn;
			seen[i]++;
		}
	}
	for (n = i = 0; i < pages; i++)
		n += seen[i] == 1;
	failed |= report(n == pages, "pages whose frame the table tells", n, pages);
	if (n != pages)
		return 1;

	if (bad)
		for (i = 7; i < pages; i += 31)
			frames[i] = APIC_FRAME;
	for (round = 0; round < 2; round++) {
		again = map_list(priv, DOMID_SELF, frames, error, pages,
				 PROT_READ | PROT_WRITE);
		for (n = i = 0; i < pages; i++) {
			int due = frames[i] == APIC_FRAME ? -EPERM : 0;

			if (error[i] != due && !n++)
				printf("page %zu: error %d\n", i, error[i]);
		}
		failed |= report(!n, "frames with another answer than is due", n, 0);
		if (n)
			return 1;
		n = inherited(again);
		failed |= report(!n, "status of a child that looks at it", n, 0);

		/* One memory, seen and written from both sides. */
		for (n = i = 0; i < pages; i++) {
			uint32_t *mine = mem + i * WORDS, *its = again + i * WORDS;

			if (frames[i] == APIC_FRAME)
				continue;
			n += !!memcmp(mine, its, PAGE);
			mine[i % WORDS] = 0x12345678;
			n += *(volatile uint32_t *)&its[i % WORDS] != 0x12345678;
			its[i % WORDS] = pattern(round, i, i % WORDS);
		}
		failed |= report(!n, "pages that are not the same memory", n, 0);
		n = wrong(mem, pages, round);
		failed |= report(!n, "words wrong", n, 0);
		munmap(again, pages * PAGE);
		fill(mem, pages, round + 1);
		n = wrong(mem, pages, round + 1);
		failed |= report(!n, "words wrong once it is unmapped", n, 0);
	}
	return failed;
}
