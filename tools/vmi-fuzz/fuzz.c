// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz INPUTS [SEED]: feed made-up option ROMs and relocations to the code of
 * the kernel that judges them (arch/x86/vmi/rom.c), and judge the judge.
 *
 * Inputs depend on the seed alone.  Each is a sound ROM with up to four faults
 * in it, most of them with the checksum put right again, so that the checks
 * behind it are reached.  The ROM lies at the very end of a block of memory: a
 * byte read behind it is one that the sanitizer sees.
 *
 * With GUIDED it is a target for libFuzzer, which goes where code has not been.
 */
#include <stdio.h>
#include <stdlib.h>

#include "host.h"
#include "rom.h"

#define MAX_UNITS	64
#define HEADER		sizeof(struct vmi_rom_header)
#define PHYS		0xc8800

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
#ifdef GUIDED
	abort();
#endif
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

static void put16(u8 *rom, u32 at, u32 v)
{
	rom[at] = v;
	rom[at + 1] = v >> 8;
}

static void put32(u8 *rom, u32 at, u32 v)
{
	put16(rom, at, v);
	put16(rom, at + 2, v >> 16);
}

/* An entry point: other code, or a jump to @target */
static void make_entry(u8 *rom, u32 at, u32 target)
{
	/* NOPs, as many as leave room for the longest */
	u32 nops = rnd(3) ? 0 : rnd(3);

	memset(rom + at, 0x90, nops);
	at += nops;
	switch (rnd(5)) {
	case 0:
		rom[at] = 0xe8 + rnd(2);
		put32(rom, at + 1, target - at - 5);
		break;
	case 1:
		rom[at] = 0xeb;
		rom[at + 1] = target - at - 2;
		break;
	case 2:
		rom[at] = rnd(2) ? 0x70 + rnd(16) : 0xe0 + rnd(4);
		rom[at + 1] = target - at - 2;
		break;
	case 3:
		rom[at] = 0x0f;
		rom[at + 1] = 0x80 + rnd(16);
		put32(rom, at + 2, target - at - 6);
		break;
	default:
		rom[at] = 0xb8;
		put32(rom, at + 1, target);
	}
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
	make_entry(rom, 128, HEADER + rnd(100));
	make_entry(rom, 136, HEADER + rnd(100));
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

/* Where a jump goes: around the ends of what it may reach */
static void spoil_entry(u8 *rom, u32 size)
{
	u32 at = rnd(2) ? 128 : 136, target = rnd(2) ? HEADER : size;

	static const u8 absolute[][2] = {
		{ 0xea }, { 0x9a }, { 0xff, 0x15 }, { 0xff, 0x1d },
		{ 0xff, 0x25 }, { 0xff, 0x2d }, { 0x68 },
	};

	switch (rnd(9)) {
	case 7:
		rom[at] = 0x90;
		at += rnd(2);
		put32(rom, at + 1, rnd(~0u));
		memcpy(rom + at, absolute[rnd(7)], 2);
		rom[at + 5] = 0xc3;
		break;
	case 0:
		memset(rom + at, rnd(2) ? 0xff : 0, 2);
		break;
	case 1:
		rom[at] = rnd(2) ? 0xe9 : 0xeb;
		break;
	case 2:
		rom[at] = 0xcc;
		break;
	default:
		make_entry(rom, at, rnd(4) ? target + rnd(5) - 2 : rnd(~0u));
	}
}

static void spoil_name(u8 *rom, u32 size, u32 at)
{
	u32 len = rnd(2) ? 62 + rnd(5) : 1 + rnd(62);

	if (at + len >= size)
		return;
	memset(rom + at, 'n', len);
	rom[at + len] = 0;
	if (rnd(2))
		rom[at + rnd(len)] = rnd(256);
}

static void spoil(u8 *rom, u32 size)
{
	static const u8 fields[] = { 22, 24, 26 };
	struct vmi_rom_header *h = (void *)rom;
	u32 at;

	switch (rnd(13)) {
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
	case 8:
		spoil_entry(rom, size);
		break;
	case 9:
		at = h->pnp;
		if (at && at + 18 <= size)
			spoil_name(rom, size, at + sizeof(struct vmi_rom_pnp));
		break;
	case 10:
		at = h->pci;
		if (at + 18 <= size)
			put16(rom, at + 16, size / VMI_ROM_UNIT + rnd(3) - 1);
		break;
	default:
		put16(rom, fields[rnd(3)], edge(size));
	}
}

static void check_name(const u8 *rom, u32 size, const char *s)
{
	const u8 *p = (const u8 *)s, *end;

	if (!s)
		return;
	if (p < rom || p >= rom + size)
		fail("a string outside of the ROM was accepted");
	end = memchr(p, 0, size - (p - rom));
	if (!end)
		fail("a string without an end was accepted");
	if (end - p > 64)
		fail("a long string was accepted");
	for (; p < end; p++)
		if (*p < 0x20 || *p > 0x7e)
			fail("a string that cannot be printed was accepted");
}

static s64 distance(const u8 *p)
{
	return (s32)(p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24);
}

/* Where the first instruction of an entry point leads, if that is all it does */
static void check_entry(const u8 *rom, u32 size, u32 at)
{
	u32 end = at + 7, first = rom[at];
	s64 to;

	if (first == 0xcc)
		fail("a breakpoint was accepted");
	while (at < end && rom[at] == 0x90)
		at++;
	switch (rom[at]) {
	case 0x00:
	case 0xff:
		if (rom[at + 1] == rom[at])
			fail("an entry point without code was accepted");
		if (rom[at] && strchr("\x15\x1d\x25\x2d", rom[at + 1]) &&
		    rom[at + 1])
			fail("a jump to where memory says was accepted");
		return;
	case 0x68:
		if (rom[at + 5] == 0xc3)
			fail("a return to an address was accepted");
		return;
	case 0x9a:
	case 0xea:
		fail("a far jump was accepted");
		return;
	case 0xe8:
	case 0xe9:
		to = at + 5 + distance(rom + at + 1);
		break;
	case 0x0f:
		if (rom[at + 1] < 0x80 || rom[at + 1] > 0x8f)
			return;
		to = at + 6 + distance(rom + at + 2);
		break;
	case 0x70 ... 0x7f:
	case 0xe0 ... 0xe3:
	case 0xeb:
		to = at + 2 + (s64)(s8)rom[at + 1];
		break;
	default:
		return;
	}
	if (to < 0 || to >= size)
		fail("a jump out of the ROM was accepted");
	if (to < (s64)HEADER)
		fail("a jump into the header was accepted");
}

/* The rules once more, written another way */
static void check_accepted(const u8 *rom, u32 avail, const struct vmi_rom *r)
{
	const struct vmi_rom_header *h = (const void *)rom;
	u32 i, len;
	u8 sum = 0;

	if (!r->size || r->size > avail || r->size != rom[2] * 512u)
		fail("a ROM of a wrong size was accepted");
	if (r->phys != PHYS)
		fail("the address of the ROM is lost");
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
	if ((rom[h->pci + 10] | rom[h->pci + 11] << 8) < 24)
		fail("a PCI data structure that is too short was accepted");
	if ((rom[h->pci + 16] | rom[h->pci + 17] << 8) < rom[2])
		fail("a ROM longer than its image was accepted");
	if (!h->license || h->license >= r->size)
		fail("a license outside of the ROM was accepted");
	for (len = 0; h->license + len < r->size && rom[h->license + len]; len++)
		;
	if (h->license + len == r->size ||
	    !((len == 3 && !memcmp(rom + h->license, "GPL", 3)) ||
	      (len == 6 && !memcmp(rom + h->license, "GPL v2", 6))))
		fail("a license other than the two was accepted");
	if (h->virtual_top && h->virtual_top < 0xf0000000)
		fail("too much address space was granted");
	if (r->virtual_top != h->virtual_top)
		fail("the hypervisor's address space is lost");
	check_entry(rom, r->size, 128);
	check_entry(rom, r->size, 136);
	check_name(rom, r->size, r->manufacturer);
	check_name(rom, r->size, r->product);
}

/* Judge what is at @from, of which the window has @avail bytes. */
static void try_rom(const u8 *from, u32 avail)
{
	u8 *rom = malloc(avail ? avail : 1);
	struct vmi_rom info;

	if (!rom)
		fail("no memory");
	memcpy(rom, from, avail);
	if (vmi_rom_check(rom, PHYS, avail, &info)) {
		refused++;
	} else {
		accepted++;
		check_accepted(rom, avail, &info);
	}
	free(rom);
}

#ifndef GUIDED
static void one_rom(void)
{
	u32 units = rnd(8) ? 1 + rnd(4) : 1 + rnd(MAX_UNITS), size, n;
	u8 *block = malloc(units * VMI_ROM_UNIT);

	if (!block)
		fail("no memory");
	size = make_rom(block, units);
	n = rnd(5);
	while (n--)
		spoil(block, size);
	if (rnd(8))
		fix_sum(block, size, size - 1 - rnd(size - HEADER));
	/* The window may end within the ROM, and before it. */
	try_rom(block, rnd(8) ? size : rnd(size + 1));
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
	why = vmi_rom_check(rom, PHYS, make_rom(rom, units), &info);
	if (why)
		fail("a sound ROM was refused");
	free(rom);
}

/* A single fault in a sound ROM has to be the one that is named. */
static const struct {
	u8 at, value;
	const char *why;
} reasons[] = {
	{ 8, 0, "no VMI signature" },
	{ 2, 0, "no length" },
	{ 2, 255, "it ends outside of the ROM window" },
	{ 13, 4, "unknown version of the API" },
	{ 22, 0, "no license" },
	{ 24, 0, "no PCI data structure" },
	{ 24, 255, "PCI data structure outside of the ROM" },
	{ 128, 0, "bad entry point" },
	{ 136, 0, "bad entry point" },
	{ 128, 0xcc, "bad entry point" },
	{ 136, 0xcc, "bad entry point" },
};

static void one_reason(void)
{
	u32 i = rnd(sizeof(reasons) / sizeof(reasons[0])), size;
	u8 *rom = malloc(VMI_ROM_UNIT), at = reasons[i].at;
	struct vmi_rom info;
	const char *why;

	if (!rom)
		fail("no memory");
	size = make_rom(rom, 1);
	rom[at] = reasons[i].value;
	/* Offsets are words, and two equal bytes are no code. */
	rom[at + 1] = at == 24 || at == 22 || at >= 128 ? rom[at] : rom[at + 1];
	fix_sum(rom, size, size - 1);
	why = vmi_rom_check(rom, PHYS, size, &info);
	if (!why || strcmp(why, reasons[i].why))
		fail(reasons[i].why);
	if (info.phys || info.size)
		fail("a refused ROM left something behind");
	free(rom);
}

#endif

static u32 may_jump(u32 nr)
{
	return nr == 33 || nr == 34 || nr == 36 || nr == 37;
}

static void try_reloc(u32 nr, u64 reloc, u32 base, u32 size)
{
	static struct vmi_calls calls;
	u32 eip = reloc, type = (u8)(reloc >> 32), addr;
	const char *why;

	why = vmi_reloc_check(nr, reloc, base, size, &calls);
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

#ifndef GUIDED
static void one_reloc(void)
{
	u32 base = rnd(2) ? 0xc00c0000 + rnd(64) * 0x800 : rnd(~0u);
	u32 size = rnd(256) * 512, nr = rnd(VMI_NR_CALLS), eip, type;

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
	try_reloc(nr, (u64)rnd(0x1000000) << 40 | (u64)type << 32 | eip, base,
		  size);
}

int main(int argc, char **argv)
{
	u32 inputs = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000;

	rng = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	rng = rng * 0x9e3779b97f4a7c15ull + 1;
	for (input = 0; input < inputs; input++) {
		one_rom();
		one_reloc();
		if (input % 64)
			continue;
		sound_rom();
		one_reason();
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
#else
/*
 * Under libFuzzer.  The first byte of an input says what it is: a ROM, of which
 * the checksum may be put right, or a number, an answer, and where the ROM is.
 */
enum { RAW, SUMMED, RELOC, NR_KINDS };

struct reloc_input {
	u8 kind, nr, size;
	u8 pad;
	u32 base;
	u64 reloc;
};

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max);

static void say_counts(void)
{
	printf("# %u accepted, %u refused, %u relocations used\n", accepted,
	       refused, relocs_used);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return atexit(say_counts);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct reloc_input in;
	u8 *rom;

	input++;
	if (!size)
		return 0;
	if (*data % NR_KINDS == RELOC) {
		if (size < sizeof(in))
			return 0;
		memcpy(&in, data, sizeof(in));
		try_reloc(in.nr % VMI_NR_CALLS, in.reloc, in.base,
			  in.size * VMI_ROM_UNIT);
		return 0;
	}
	rom = malloc(size);
	if (!rom)
		fail("no memory");
	memcpy(rom, data + 1, size - 1);
	if (*data % NR_KINDS == SUMMED && size > 1 + HEADER) {
		u32 end = rom[2] * VMI_ROM_UNIT;

		if (end > HEADER && end < size)
			fix_sum(rom, end, end - 1);
	}
	try_rom(rom, size - 1);
	free(rom);
	return 0;
}

/* Now and then start from a sound ROM or answer, or spoil one field of a ROM. */
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned seed)
{
	struct reloc_input in = { .kind = RELOC };

	rng = seed * 0x9e3779b97f4a7c15ull + 1;
	switch (rnd(8)) {
	case 0:
		if (max < 1 + 2 * VMI_ROM_UNIT)
			break;
		data[0] = SUMMED;
		return 1 + make_rom(data + 1, 1 + rnd(2));
	case 1:
		if (max < sizeof(in))
			break;
		in.nr = rnd(VMI_NR_CALLS);
		in.size = rnd(256);
		in.base = 0xc00c0000 + rnd(64) * 0x800;
		in.reloc = in.base + ((u64)rnd(4) << 32);
		in.reloc += rnd(2) ? in.size * VMI_ROM_UNIT + rnd(3) - 1 :
				     rnd(200);
		memcpy(data, &in, sizeof(in));
		return sizeof(in);
	case 2: case 3:
		if (size < 1 + VMI_ROM_UNIT || data[0] == RELOC)
			break;
		spoil(data + 1, size - 1);
		return size;
	}
	return LLVMFuzzerMutate(data, size, max);
}
#endif
