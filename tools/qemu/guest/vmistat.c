// SPDX-License-Identifier: GPL-2.0
/*
 * vmistat [rounds N]: what the open VMI option ROM has counted, a line each.
 * With "rounds N" it first waits until the ROM has compared all page tables N
 * times, and switches between two address spaces meanwhile: the ROM compares
 * one table each time.
 *
 *	violations N
 *	violation KIND N	for each kind that was seen
 *	last CALL WHERE VALUE CPU	the last one, if there was any
 *	group NAME N		calls made, by group
 *	call NAME N		calls made
 *	cpus N, cpus_lost N, tables N, tables_max N, untracked N, deferred N,
 *	flushes N, scans N, rounds N
 *
 * tools/vmi-rom/README describes the layout.  Reads /dev/mem.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WINDOW		0xc0000
#define WINDOW_SIZE	0x20000
#define STEP		0x800
#define INFO		144
#define ROUNDS		(532 / 4)
#define PATIENCE	60

static const char * const kinds[] = {
	"raw-write", "unregistered-link", "stale-defer", "defer-flag", "level",
	"pae", "va", "flags", "alloc-twice", "release-unregistered",
	"release-linked", "not-zeroed", "clone", "virtual-top",
	"no-linear-mapping", "descriptor-write", "descriptor-align", "ap-state",
	"iret-if", "init", "lazy-mode", "alarm", "apic",
};

static const struct {
	unsigned char bit;
	const char *name;
} groups[] = {
	{ 0x01, "cpu" }, { 0x02, "irq" }, { 0x04, "mmu" }, { 0x10, "time" },
	{ 0x20, "apic" },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static unsigned char window[WINDOW_SIZE];
static uint32_t stats[256];

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "vmistat: %s\n", what);
	exit(1);
}

static void get(int fd, uint32_t phys, void *to, uint32_t size)
{
	if (lseek(fd, phys, SEEK_SET) < 0 || read(fd, to, size) != (int)size)
		fail("cannot read /dev/mem");
}

static uint32_t word(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static const unsigned char *find(void)
{
	const unsigned char *p = window;

	for (; p < window + WINDOW_SIZE; p += STEP)
		if (p[0] == 0x55 && p[1] == 0xaa && !memcmp(p + 8, "cVmi", 4) &&
		    !memcmp(p + INFO, "vmiROM01", 8))
			return p;
	return NULL;
}

/* A child that answers each byte, on the same CPU */
static void start_partner(int to[2], int from[2])
{
	cpu_set_t set;
	char c;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || pipe(to) || pipe(from))
		fail("no partner");
	switch (fork()) {
	case -1:
		fail("no partner");
	case 0:
		close(to[1]);
		while (read(to[0], &c, 1) == 1 && write(from[1], &c, 1) == 1)
			;
		_exit(0);
	}
}

static void wait_rounds(int fd, uint32_t stats_at, uint32_t n)
{
	time_t end = time(NULL) + PATIENCE;
	uint32_t start, now;
	int to[2], from[2];
	char c = 0;

	start_partner(to, from);
	get(fd, stats_at + ROUNDS * 4, &start, sizeof(start));
	do {
		if (time(NULL) > end)
			fail("the ROM does not compare page tables");
		if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
			fail("the partner is gone");
		get(fd, stats_at + ROUNDS * 4, &now, sizeof(now));
	} while (now - start < n);
	close(to[1]);
}

int main(int argc, char **argv)
{
	const unsigned char *rom, *group, *name;
	uint32_t i, g, n, size;
	int fd = open("/dev/mem", O_RDONLY);

	if (fd < 0)
		fail("no /dev/mem");
	get(fd, WINDOW, window, sizeof(window));
	rom = find();
	if (!rom)
		fail("no ROM of this kind");
	size = word(rom + INFO + 20);
	if (size > sizeof(stats))
		size = sizeof(stats);
	if (argc == 3 && !strcmp(argv[1], "rounds"))
		wait_rounds(fd, word(rom + INFO + 16), atoi(argv[2]));
	get(fd, word(rom + INFO + 16), stats, size);
	if (memcmp(stats, "vmiSTAT1", 8))
		fail("the ROM has no statistics: it never ran");

	printf("violations %u\n", stats[16 / 4]);
	for (i = 0; i < COUNT(kinds); i++)
		if (stats[384 / 4 + i])
			printf("violation %s %u\n", kinds[i],
			       stats[384 / 4 + i]);
	if (stats[16 / 4])
		printf("last %u %x %x %u\n", stats[516 / 4], stats[520 / 4],
		       stats[524 / 4], stats[528 / 4]);

	group = rom + (rom[INFO + 38] | rom[INFO + 39] << 8);
	for (g = 0; g < COUNT(groups); g++) {
		for (n = 0, i = 0; i < stats[8 / 4]; i++)
			if (group[i] & groups[g].bit)
				n += stats[64 / 4 + i];
		printf("group %s %u\n", groups[g].name, n);
	}
	name = rom + (rom[INFO + 40] | rom[INFO + 41] << 8);
	for (i = 0; i < stats[8 / 4]; i++) {
		printf("call %s %u\n", name, stats[64 / 4 + i]);
		name += strlen((const char *)name) + 1;
	}
	printf("cpus %u\ntables %u\ntables_max %u\nuntracked %u\n",
	       stats[28 / 4], stats[32 / 4], stats[36 / 4], stats[40 / 4]);
	printf("flushes %u\ndeferred %u\nscans %u\nrounds %u\n",
	       stats[44 / 4], stats[48 / 4], stats[52 / 4], stats[ROUNDS]);
	printf("cpus_lost %u\n", stats[536 / 4]);
	return 0;
}
