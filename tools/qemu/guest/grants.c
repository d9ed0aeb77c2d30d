// SPDX-License-Identifier: GPL-2.0
/*
 * grants DOMID PAGES: grant pages to DOMID, which is this domain, and map these
 * grants, as back ends in user space do (gntalloc, gntdev).
 *
 * Both sides write and read; a child is given nothing of it; the pages outlive
 * who granted them as long as they are mapped; what a killed process held is
 * free again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "memory.h"

typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define ROUNDS		8u

/* Flags of a grant copy, xen/include/public/grant_table.h */
#define COPY_SOURCE	1
#define COPY_DEST	2

static domid_t self;
static size_t pages;
static int failed;

struct share {
	int owner, user;	/* open files */
	uint64_t granted, mapped; /* offsets in them */
	uint32_t *refs;
	uint32_t *mine, *its;
};

static void grant(struct share *s)
{
	size_t len = sizeof(struct ioctl_gntalloc_alloc_gref) + pages * 4;
	struct ioctl_gntalloc_alloc_gref *op = calloc(1, len);

	s->owner = open("/dev/xen/gntalloc", O_RDWR);
	if (s->owner < 0 || !op)
		die("/dev/xen/gntalloc");
	op->domid = self;
	op->flags = GNTALLOC_FLAG_WRITABLE;
	op->count = pages;
	if (ioctl(s->owner, IOCTL_GNTALLOC_ALLOC_GREF, op))
		die("granting pages");
	s->granted = op->index;
	s->refs = calloc(pages, sizeof(*s->refs));
	if (!s->refs)
		die("memory");
	memcpy(s->refs, op->gref_ids, pages * sizeof(*s->refs));
	free(op);
	s->mine = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       s->owner, s->granted);
	if (s->mine == MAP_FAILED)
		die("mapping pages that are granted");
}

static void map(struct share *s, int prot)
{
	size_t len = sizeof(struct ioctl_gntdev_map_grant_ref) +
		     pages * sizeof(struct ioctl_gntdev_grant_ref), i;
	struct ioctl_gntdev_map_grant_ref *op = calloc(1, len);

	s->user = open("/dev/xen/gntdev", O_RDWR);
	if (s->user < 0 || !op)
		die("/dev/xen/gntdev");
	op->count = pages;
	for (i = 0; i < pages; i++) {
		op->refs[i].domid = self;
		op->refs[i].ref = s->refs[i];
	}
	if (ioctl(s->user, IOCTL_GNTDEV_MAP_GRANT_REF, op))
		die("announcing grants to map");
	s->mapped = op->index;
	free(op);
	s->its = mmap(NULL, pages * PAGE, prot, MAP_SHARED, s->user, s->mapped);
	if (s->its == MAP_FAILED)
		die("mapping grants");
}

static void unmap(struct share *s)
{
	struct ioctl_gntdev_unmap_grant_ref op = {
		.index = s->mapped,
		.count = pages,
	};

	if (munmap(s->its, pages * PAGE) ||
	    ioctl(s->user, IOCTL_GNTDEV_UNMAP_GRANT_REF, &op))
		die("unmapping grants");
	close(s->user);
}

static void take_back(struct share *s)
{
	struct ioctl_gntalloc_dealloc_gref op = {
		.index = s->granted,
		.count = pages,
	};

	if (munmap(s->mine, pages * PAGE) ||
	    ioctl(s->owner, IOCTL_GNTALLOC_DEALLOC_GREF, &op))
		die("taking grants back");
	close(s->owner);
	free(s->refs);
}

/* Copies by Xen, to the granted pages and from them. */
static void copy(struct share *s)
{
	struct gntdev_grant_copy_segment *seg = calloc(pages, sizeof(*seg));
	struct ioctl_gntdev_grant_copy op = { .count = pages, .segments = seg };
	uint32_t *mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int way, fd = open("/dev/xen/gntdev", O_RDWR);
	long bad;
	size_t i;

	if (!seg || mem == MAP_FAILED || fd < 0)
		die("copy");
	for (way = 0; way < 2; way++) {
		fill(way ? s->mine : mem, pages, 100 + way);
		for (i = 0; i < pages; i++) {
			typeof(&seg->source) its = way ? &seg[i].source : &seg[i].dest;
			typeof(&seg->source) my = way ? &seg[i].dest : &seg[i].source;

			memset(&seg[i], 0, sizeof(seg[i]));
			its->foreign.ref = s->refs[i];
			its->foreign.domid = self;
			my->virt = mem + i * WORDS;
			seg[i].len = PAGE;
			seg[i].flags = way ? COPY_SOURCE : COPY_DEST;
		}
		if (ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &op))
			die("grant copy");
		for (bad = i = 0; i < pages; i++)
			bad += !!seg[i].status;
		failed |= report(!bad, "pages that could not be copied", bad, 0);
		bad = wrong(way ? mem : s->mine, pages, 100 + way);
		failed |= report(!bad, way ? "words wrong, copied from grants" :
				 "words wrong, copied to grants", bad, 0);
	}
	munmap(mem, pages * PAGE);
	close(fd);
	free(seg);
}

/* A process is killed that both grants and maps. */
static void killed(void)
{
	struct share s;
	int fds[2], status;
	pid_t pid;
	char c;

	if (pipe(fds))
		die("pipe");
	pid = fork();
	if (!pid) {
		grant(&s);
		map(&s, PROT_READ | PROT_WRITE);
		fill(s.its, pages, 7);
		c = wrong(s.mine, pages, 7) != 0;
		if (write(fds[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], &c, 1) != 1)
		die("a process that grants and maps");
	close(fds[0]);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	failed |= report(!c && WIFSIGNALED(status), "words wrong before it was killed", c, 0);
}

static void one(unsigned int round)
{
	struct share s;
	long bad;

	grant(&s);
	fill(s.mine, pages, round);
	map(&s, PROT_READ);
	bad = wrong(s.its, pages, round);
	failed |= report(!bad, "words wrong, only read", bad, 0);
	if (munmap(s.its, pages / 3 * PAGE))
		die("unmapping a part");
	bad = wrong_from(s.its, pages / 3, pages, round);
	failed |= report(!bad, "words wrong in what is left", bad, 0);
	unmap(&s);

	map(&s, PROT_READ | PROT_WRITE);
	bad = wrong(s.its, pages, round);
	failed |= report(!bad, "words wrong", bad, 0);
	fill(s.its, pages, round + 50);
	bad = wrong(s.mine, pages, round + 50);
	failed |= report(!bad, "words wrong on the other side", bad, 0);
	bad = inherited(s.its);
	failed |= report(!bad, "status of a child that looks at it", bad, 0);
	copy(&s);

	/* The pages stay for as long as somebody maps them. */
	fill(s.mine, pages, round);
	if (round % 2) {
		take_back(&s);
		bad = wrong(s.its, pages, round);
		failed |= report(!bad, "words wrong when taken back", bad, 0);
		unmap(&s);
	} else {
		unmap(&s);
		bad = wrong(s.mine, pages, round);
		failed |= report(!bad, "words wrong when unmapped", bad, 0);
		take_back(&s);
	}
	killed();
}

int main(int argc, char **argv)
{
	unsigned int round;

	self = argc == 3 ? atoi(argv[1]) : 0;
	pages = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (!pages) {
		fprintf(stderr, "usage: grants DOMID PAGES\n");
		return 2;
	}
	for (round = 0; round < ROUNDS; round++)
		one(round);
	return failed;
}
