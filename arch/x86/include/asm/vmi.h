/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_VMI_H
#define _ASM_X86_VMI_H
/* What the rest of the kernel has to know about VMI. */

struct pt_regs;

#ifdef CONFIG_VMI
#include <linux/types.h>
#include <asm/page_types.h>

extern u32 vmi_rom_start, vmi_rom_end;

void vmi_probe(void);
void vmi_start_cpu(void);
bool vmi_fixup_exception(struct pt_regs *regs, int trapnr);

/**
 * vmi_is_rom() - is there code of the ROM that the kernel calls?
 * @addr:	linear address
 *
 * Any context.  Always false unless a VMI backend is active.
 */
static inline bool vmi_is_rom(unsigned long addr)
{
	return addr >= vmi_rom_start && addr < vmi_rom_end;
}

/**
 * vmi_rom_overlaps() - is there code of the ROM on a page?
 * @addr:	linear address of the page
 *
 * A ROM starts and ends anywhere on a page.  As vmi_is_rom().
 */
static inline bool vmi_rom_overlaps(unsigned long addr)
{
	return addr + PAGE_SIZE > vmi_rom_start && addr < vmi_rom_end;
}
#else
static inline void vmi_probe(void) { }
static inline void vmi_start_cpu(void) { }
static inline bool vmi_fixup_exception(struct pt_regs *regs, int trapnr)
{
	return false;
}

static inline bool vmi_is_rom(unsigned long addr) { return false; }
static inline bool vmi_rom_overlaps(unsigned long addr) { return false; }
#endif

#endif /* _ASM_X86_VMI_H */
