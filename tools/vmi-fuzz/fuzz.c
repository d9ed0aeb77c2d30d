// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz INPUTS [SEED]: feed made-up option ROMs and relocations to the code of
 * the kernel that judges them (arch/x86/vmi/rom.c), and judge the judge.
 *
 * Inputs depend on the seed alone.  Each is a sound ROM with up to four faults
 * in it, most of them with the checksum put right again, so that the checks
 * behind it are reached.  The ROM lies at the very end of a block of memory: a
 * byte read behind it is one that the sanitizer sees.
 */
#include <stdio.h>
#include <stdlib.h>

#include "host.h"
#include "rom.h"

#define MAX_UNITS	64
#define HEADER		sizeof(struct vmi_rom_header)

static u64 rng;

static u32 rnd(u32 n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (u32)(rng >> 16) % n;
}

static u32 accepted, refused, relocs_used;
static u32 input;

static void fail(const char *what)
{
	printf("# input %u: %s\n", input, what);
	printf("not ok 1 - %s\n1..1\n", what);
	exit(1);
}

static void fix_sum(u8 *rom, u32 size, u32 at)
{
	u8 sum = 0;
	u32 i;

	for (i = 0; i < size; i++)
		sum += rom[i];
	rom[at] -= sum;
}

/* A sound ROM; the last byte is spare. */
static u32 make_rom(u8 *rom, u32 units)
{
	struct vmi_rom_header *h = (void *)rom;
	struct vmi_rom_pci pci = { VMI_PCI_MAGIC, VMI_PCI_VENDOR,
		VMI_PCI_DEVICE, 0, sizeof(pci), 0, { 0 }, units, 1, 2, 0,
		0x80, 0 };
	struct vmi_rom_pnp pnp = { VMI_PNP_MAGIC, 1, 2, 0, 0, 0, 0, 0 };
	u32 size = units * VMI_ROM_UNIT, at = HEADER, i;
	const char *license = rnd(2) ? "GPL" : "GPL v2";

	for (i = 0; i < size; i++)
		rom[i] = rnd(4) ? 0 : rnd(256);
	memset(rom, 0, HEADER);
	h->magic = VMI_ROM_MAGIC;
	h->length = units;
	h->vmi_magic = VMI_MAGIC;
	h->api_major = VMI_API_MAJOR;
	h->api_minor = rnd(3);
	h->virtual_top = rnd(3) ? 0xf0000000 + rnd(0x10000000) : 0;
	at += rnd(64);
	h->license = at;
	strcpy((char *)rom + at, license);
	at += strlen(license) + 1 + rnd(16);
	h->pci = at;
	memcpy(rom + at, &pci, sizeof(pci));
	at += sizeof(pci) + rnd(16);
	if (rnd(2)) {
		h->pnp = at;
		pnp.manufacturer = at + sizeof(pnp);
		pnp.product = rnd(2) ? at + sizeof(pnp) + 4 : 0;
		memcpy(rom + at, &pnp, sizeof(pnp));
		strcpy((char *)rom + at + sizeof(pnp), "abc");
		strcpy((char *)rom + at + sizeof(pnp) + 4, "de");
	}
	fix_sum(rom, size, size - 1);
	return size;
}

/* Values at which comparisons go wrong */
static u32 edge(u32 size)
{
	static const u32 some[] = { 0, 1, 2, 0xff, 0x7fff, 0xfffe, 0xffff };

	switch (rnd(4)) {
	case 0:
		return some[rnd(7)];
	case 1:
		return size - rnd(40);
	case 2:
		return size + rnd(4);
	default:
		return rnd(0x10000);
	}
}

static void put16(u8 *rom, u32 at, u32 v)
{
	rom[at] = v;
	rom[at + 1] = v >> 8;
}

static void spoil(u8 *rom, u32 size)
{
	static const u8 fields[] = { 22, 24, 26 };
	struct vmi_rom_header *h = (void *)rom;
	u32 at;

	switch (rnd(10)) {
	case 0:
		rom[rnd(HEADER)] ^= 1 << rnd(8);
		break;
	case 1:
		rom[rnd(size)] = rnd(256);
		break;
	case 2:
		h->length = edge(size / VMI_ROM_UNIT);
		break;
	case 3:
		h->api_major = rnd(6);
		break;
	case 4:
		h->virtual_top = rnd(2) ? rnd(~0u) : 0xf0000000 - rnd(3) + 1;
		break;
	case 5:	/* a license, or the lack of one, at the very end */
		at = size - 1 - rnd(8);
		put16(rom, 22, at);
		memcpy(rom + at, "GPL v2", size - at < 7 ? size - at : 7);
		break;
	case 6:	/* offsets within structures */
		at = h->pci;
		if (at + 12 < size)
			put16(rom, at + 10, edge(sizeof(struct vmi_rom_pci)));
		break;
	case 7:
		at = h->pnp;
		if (at && at + 18 <= size)
			put16(rom, at + (rnd(2) ? 14 : 16), edge(size));
		break;
	default:
		put16(rom, fields[rnd(3)], edge(size));
	}
}

static u32 in_rom(const u8 *rom, u32 size, const char *s)
{
	const u8 *p = (const u8 *)s;

	return p >= rom && p < rom + size &&
	       memchr(p, 0, size - (p - rom)) != NULL;
}

/* The rules once more, written another way */
static void check_accepted(const u8 *rom, u32 avail, const struct vmi_rom *r)
{
	const struct vmi_rom_header *h = (const void *)rom;
	u32 i, len;
	u8 sum = 0;

	if (!r->size || r->size > avail || r->size != rom[2] * 512u)
		fail("a ROM of a wrong size was accepted");
	for (i = 0; i < r->size; i++)
		sum += rom[i];
	if (sum)
		fail("a wrong checksum was accepted");
	if (rom[13] != 3)
		fail("a wrong version was accepted");
	if (!h->pci || h->pci + 24u > r->size)
		fail("a PCI data structure outside of the ROM was accepted");
	if (memcmp(rom + h->pci, "PCIR", 4))
		fail("a PCI data structure without signature was accepted");
	if (!h->license || h->license >= r->size)
		fail("a license outside of the ROM was accepted");
	for (len = 0; h->license + len < r->size && rom[h->license + len]; len++)
		;
	if (h->license + len == r->size ||
	    !((len == 3 && !memcmp(rom + h->license, "GPL", 3)) ||
	      (len == 6 && !memcmp(rom + h->license, "GPL v2", 6))))
		fail("a license other than the two was accepted");
	if (r->virtual_top && r->virtual_top < 0xf0000000)
		fail("too much address space was granted");
	if (r->manufacturer && !in_rom(rom, r->size, r->manufacturer))
		fail("a string outside of the ROM was accepted");
	if (r->product && !in_rom(rom, r->size, r->product))
		fail("a string outside of the ROM was accepted");
}

static void one_rom(void)
{
	u32 units = rnd(8) ? 1 + rnd(4) : 1 + rnd(MAX_UNITS), size, avail, n;
	u8 *block = malloc(units * VMI_ROM_UNIT), *rom;
	struct vmi_rom info;
	const char *why;

	if (!block)
		fail("no memory");
	size = make_rom(block, units);
	n = rnd(5);
	while (n--)
		spoil(block, size);
	if (rnd(8))
		fix_sum(block, size, size - 1 - rnd(size - HEADER));
	/* The window may end within the ROM, and before it. */
	avail = rnd(8) ? size : rnd(size + 1);
	rom = malloc(avail ? avail : 1);
	if (!rom)
		fail("no memory");
	memcpy(rom, block, avail);

	why = vmi_rom_check(rom, 0xc0000, avail, &info);
	if (why) {
		refused++;
	} else {
		accepted++;
		check_accepted(rom, avail, &info);
	}
	free(rom);
	free(block);
}

static void sound_rom(void)
{
	u32 units = 1 + rnd(MAX_UNITS);
	u8 *rom = malloc(units * VMI_ROM_UNIT);
	struct vmi_rom info;
	const char *why;

	if (!rom)
		fail("no memory");
	why = vmi_rom_check(rom, 0xc8000, make_rom(rom, units), &info);
	if (why)
		fail("a sound ROM was refused");
	free(rom);
}

static u32 may_jump(u32 nr)
{
	return nr == 33 || nr == 34 || nr == 36 || nr == 37;
}

static void one_reloc(void)
{
	static struct vmi_calls calls;
	u32 base = rnd(2) ? 0xc00c0000 + rnd(64) * 0x800 : rnd(~0u);
	u32 size = rnd(256) * 512, nr = rnd(VMI_NR_CALLS), eip, type, addr;
	const char *why;

	switch (rnd(4)) {
	case 0:
		eip = base + rnd(200);
		break;
	case 1:
		eip = base + size - 2 + rnd(4);
		break;
	case 2:
		eip = base + rnd(size + 1);
		break;
	default:
		eip = rnd(~0u);
	}
	type = rnd(4) ? rnd(5) : rnd(256);
	why = vmi_reloc_check(nr, (u64)rnd(0x1000000) << 40 |
			      (u64)type << 32 | eip, base, size, &calls);
	addr = calls.addr[nr];
	if (addr && ((u32)(addr - base) >= size || (u32)(addr - base) < HEADER))
		fail("a routine outside of the ROM was accepted");
	if (addr && type != 1 && type != 2)
		fail("an answer without address left one");
	if (addr && addr != eip)
		fail("an address was made up");
	if (calls.jump[nr] && (!may_jump(nr) || type != 2 || !addr))
		fail("a jump was accepted where the kernel calls");
	if (addr && type == 2 && !calls.jump[nr])
		fail("a routine that does not return is to be called");
	if (calls.nop[nr] && type != 3)
		fail("a call was dropped that the ROM offers");
	if (!why && type > 3)
		fail("an unknown type of relocation was accepted");
	relocs_used += !!addr;
}

int main(int argc, char **argv)
{
	u32 inputs = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000;

	rng = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	rng = rng * 0x9e3779b97f4a7c15ull + 1;
	for (input = 0; input < inputs; input++) {
		one_rom();
		one_reloc();
		if (!(input % 64))
			sound_rom();
	}
	/* Neither "all refused" nor "all accepted" is a test. */
	if (accepted < inputs / 100 || refused < inputs / 10 ||
	    relocs_used < inputs / 100)
		fail("the generator is one-sided");
	printf("# %u accepted, %u refused, %u relocations used\n", accepted,
	       refused, relocs_used);
	printf("ok 1 - %u option ROMs and relocations\n1..1\n", inputs);
	return 0;
}
