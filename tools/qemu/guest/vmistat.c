// SPDX-License-Identifier: GPL-2.0
/*
 * vmistat: what the open VMI option ROM has counted, a line each:
 *
 *	violations N
 *	violation KIND N	for each kind that was seen
 *	last CALL WHERE VALUE CPU	the last one, if there was any
 *	group NAME N		calls made, by group
 *	call NAME N		calls made
 *	cpus N, tables N, tables_max N, untracked N, deferred N, flushes N,
 *	scans N
 *
 * tools/vmi-rom/README describes the layout.  Reads /dev/mem.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW		0xc0000
#define WINDOW_SIZE	0x20000
#define STEP		0x800
#define INFO		144

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

static void fail(const char *what)
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

int main(void)
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
	printf("flushes %u\ndeferred %u\nscans %u\n", stats[44 / 4],
	       stats[48 / 4], stats[52 / 4]);
	return 0;
}
