// SPDX-License-Identifier: GPL-2.0
/*
 * Validation of VMI option ROMs.
 *
 * Nothing in here believes what a ROM says about itself: not a byte outside of
 * it is read, and no address outside of it comes out.  The file depends on no
 * more than memcmp(), so that a fuzzer can run it on the host.
 */
#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/init.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/vmi_abi.h>
#else
#include "host.h"
#endif
#include "rom.h"

static_assert(sizeof(struct vmi_rom_header) == 144);
static_assert(sizeof(struct vmi_rom_pci) == 24);
static_assert(sizeof(struct vmi_rom_pnp) == 18);

/* Answers to a call that the kernel can do something with */
#define MAY_NOP		0x01
#define MAY_JUMP	0x02

static u8 __init vmi_call_may(u32 nr)
{
	switch (nr) {
	case VMI_CALL_IRET:
	case VMI_CALL_SYSEXIT:
	case VMI_CALL_REBOOT:
	case VMI_CALL_SHUTDOWN:
		return MAY_JUMP;
	case VMI_CALL_KERNEL_STACK:
	case VMI_CALL_WBINVD:
	case VMI_CALL_UPDATE_PTE:
	case VMI_CALL_UPDATE_PTE_LONG:
	case VMI_CALL_ALLOC_PAGE:
	case VMI_CALL_RELEASE_PAGE:
	case VMI_CALL_LINEAR_MAPPING:
	case VMI_CALL_IO_DELAY:
	case VMI_CALL_LAZY_MODE:
		return MAY_NOP;
	default:
		return 0;
	}
}

/* What is longer is no name. */
#define MAX_NAME	64

/* Bytes of an entry point */
#define ENTRY_SIZE	8

/*
 * A string that starts at @offset and ends in the ROM, or NULL.  It is short
 * and of printable characters: it goes to the console as it is.
 */
static const char * __init vmi_rom_string(const u8 *rom, u32 size, u32 offset)
{
	u32 i;

	if (!offset)
		return NULL;
	for (i = offset; i < size && i - offset <= MAX_NAME; i++) {
		if (!rom[i])
			return (const char *)rom + offset;
		if (rom[i] < ' ' || rom[i] > '~')
			return NULL;
	}
	return NULL;
}

static int __init vmi_rom_fits(u32 size, u32 offset, u32 len)
{
	return len <= size && offset <= size - len;
}

/* A number of any alignment */
static u32 __init vmi_rom_u32(const u8 *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24;
}

/* Does the string equal @word, the 0 at its end included? */
static int __init vmi_rom_says(const u8 *rom, u32 size, u32 offset,
			       const char *word, u32 len)
{
	return vmi_rom_fits(size, offset, len) &&
	       !memcmp(rom + offset, word, len);
}

/*
 * May the code of an entry point be called?  Eight bytes hold little more than
 * a jump or a call: one that there is, behind NOPs or not, leads to code behind
 * the header.  One to an absolute address cannot be right: the ROM is called
 * wherever the kernel has it mapped.  Bytes of nothing but 0, or 1, are no code,
 * nor is a breakpoint.
 */
static int __init vmi_rom_entry(const u8 *rom, u32 size, u32 offset)
{
	u32 at = offset, target;
	const u8 *p;

	if (rom[at] == 0xcc)	/* int3 */
		return 0;
	while (at < offset + ENTRY_SIZE - 1 && rom[at] == 0x90)
		at++;
	p = rom + at;

	if (p[0] == 0xe8 || p[0] == 0xe9)	/* call, jmp rel32 */
		target = at + 5 + vmi_rom_u32(p + 1);
	else if (p[0] == 0x0f && (p[1] & 0xf0) == 0x80)	/* jcc rel32 */
		target = at + 6 + vmi_rom_u32(p + 2);
	else if (p[0] == 0xeb || (p[0] & 0xf0) == 0x70 ||
		 (p[0] & 0xfc) == 0xe0)	/* jmp, jcc, loop, jecxz rel8 */
		target = at + 2 + p[1] - (p[1] & 0x80) * 2;
	else if (p[0] == 0xea || p[0] == 0x9a ||	/* far jmp, call */
		 (p[0] == 0x68 && p[5] == 0xc3))	/* push, ret */
		return 0;
	else if (p[0] == 0xff && (p[1] & 0xc7) == 0x05)
		/* jmp, call through memory: inc, dec, push are not */
		return (p[1] & 0x38) < 0x10 || (p[1] & 0x38) > 0x28;
	else
		return p[0] != p[1] || (p[0] != 0 && p[0] != 0xff);
	return target >= sizeof(struct vmi_rom_header) && target < size;
}

/**
 * vmi_rom_is_candidate() - does this look like the start of a VMI ROM?
 * @rom:	address, of any alignment
 * @avail:	bytes that may be read there
 *
 * Any context.  Return: whether the two signatures are there.
 */
int __init vmi_rom_is_candidate(const void *rom, u32 avail)
{
	const struct vmi_rom_header *h = rom;

	return avail >= sizeof(*h) && h->magic == VMI_ROM_MAGIC &&
	       h->vmi_magic == VMI_MAGIC;
}

static void __init vmi_rom_names(const u8 *rom, u32 size, u32 offset,
				 struct vmi_rom *info)
{
	const struct vmi_rom_pnp *pnp = (const void *)(rom + offset);

	if (!offset || !vmi_rom_fits(size, offset, sizeof(*pnp)) ||
	    pnp->magic != VMI_PNP_MAGIC)
		return;
	info->manufacturer = vmi_rom_string(rom, size, pnp->manufacturer);
	info->product = vmi_rom_string(rom, size, pnp->product);
}

/**
 * vmi_rom_check() - decide about an option ROM
 * @rom:	a candidate
 * @phys:	its physical address
 * @avail:	bytes that may be read at @rom, up to the end of the window
 * @info:	filled in if the ROM is good
 *
 * Any context.  What makes a ROM good are API 3.x, the checksum that the
 * firmware looks at too, the PCI data structure, a license that code in the
 * address space of the kernel may have, and entry points that lead into it.
 *
 * Return: NULL if the ROM is good, else what is wrong with it.
 */
const char * __init vmi_rom_check(const void *rom, u32 phys, u32 avail,
				  struct vmi_rom *info)
{
	const struct vmi_rom_header *h = rom;
	const struct vmi_rom_pci *pci;
	const u8 *p = rom;
	u32 size, i;
	u8 sum = 0;

	memset(info, 0, sizeof(*info));
	if (!vmi_rom_is_candidate(rom, avail))
		return "no VMI signature";

	size = h->length * VMI_ROM_UNIT;
	if (size < sizeof(*h))
		return "no length";
	if (size > avail)
		return "it ends outside of the ROM window";
	for (i = 0; i < size; i++)
		sum += p[i];
	if (sum)
		return "wrong checksum";

	if (h->api_major != VMI_API_MAJOR)
		return "unknown version of the API";

	if (!h->pci)
		return "no PCI data structure";
	if (!vmi_rom_fits(size, h->pci, sizeof(*pci)))
		return "PCI data structure outside of the ROM";
	pci = (const void *)(p + h->pci);
	if (pci->magic != VMI_PCI_MAGIC || pci->length < sizeof(*pci))
		return "bad PCI data structure";
	if (pci->image < h->length)
		return "it is longer than its image";

	if (!h->license)
		return "no license";
	if (!vmi_rom_says(p, size, h->license, "GPL", 4) &&
	    !vmi_rom_says(p, size, h->license, "GPL v2", 7))
		return "its license is not compatible";

	if (!vmi_rom_entry(p, size, offsetof(struct vmi_rom_header, init)) ||
	    !vmi_rom_entry(p, size, offsetof(struct vmi_rom_header, get_reloc)))
		return "bad entry point";

	/* The kernel can do without the last 256 MB, and not more. */
	if (h->virtual_top && h->virtual_top < 0xf0000000)
		return "it wants too much of the address space";

	info->phys = phys;
	info->size = size;
	info->virtual_top = h->virtual_top;
	info->api_minor = h->api_minor;
	info->rom_major = pci->rom_major;
	info->rom_minor = pci->rom_minor;
	info->vendor = pci->vendor;
	info->device = pci->device;
	vmi_rom_names(p, size, h->pnp, info);
	return NULL;
}

/**
 * vmi_reloc_check() - take over the answer to a call
 * @nr:		number of the call, below VMI_NR_CALLS
 * @reloc:	what the ROM says about it
 * @base:	linear address of the ROM
 * @size:	bytes of the ROM
 * @calls:	where the answer goes
 *
 * Any context.  A form that the kernel cannot use for this call, although it
 * is a valid one, leaves the call native, as does VMI_RELOC_NONE.
 *
 * Return: NULL, or what is wrong: the ROM is not to be used then.
 */
const char * __init vmi_reloc_check(u32 nr, u64 reloc, u32 base, u32 size,
				    struct vmi_calls *calls)
{
	u32 eip = (u32)reloc, type = (u32)(reloc >> 32) & 0xff;

	calls->addr[nr] = 0;
	calls->nop[nr] = 0;
	calls->jump[nr] = 0;

	switch (type) {
	case VMI_RELOC_NONE:
		return NULL;
	case VMI_RELOC_NOP:
		calls->nop[nr] = !!(vmi_call_may(nr) & MAY_NOP);
		return NULL;
	case VMI_RELOC_CALL:
	case VMI_RELOC_JUMP:
		break;
	default:
		return "unknown type of relocation";
	}

	if (size < sizeof(struct vmi_rom_header) ||
	    eip - base < sizeof(struct vmi_rom_header) || eip - base >= size)
		return "relocation outside of the ROM";

	if (type == VMI_RELOC_JUMP && !(vmi_call_may(nr) & MAY_JUMP))
		return NULL;
	calls->addr[nr] = eip;
	calls->jump[nr] = type == VMI_RELOC_JUMP;
	return NULL;
}
