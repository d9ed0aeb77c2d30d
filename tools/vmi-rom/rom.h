/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ROM's own layout: what assembly and C agree on.
 *
 * The image is linked at 0 and runs wherever the firmware put it. All memory
 * it writes lies in two blocks of RAM found in the real-mode entry:
 *
 * - the state: below 1 MB, page aligned, a permanent PMM allocation. Counters,
 *   per-CPU data, the AP trampoline. Reached with the distance to the code,
 *   which the real-mode entry writes into each instruction of the fixup list.
 * - the shadow: 16 MB above 1 MB, hidden from the guest's memory map, mapped
 *   by vmi_init at VIRTUAL_TOP. Records and copies of registered page tables.
 */
#ifndef VMI_ROM_ROM_H
#define VMI_ROM_ROM_H

#include "calls.h"

#define ROM_SIGNATURE		0xaa55
#define VROM_SIGNATURE		0x696d5663
#define API_MAJOR		3
#define API_MINOR		0
#define PCI_VENDOR		0x15ad
#define PCI_DEVICE		0x0801

/* The hypervisor's part of the linear address space: the top 20 MB. */
#define VIRTUAL_TOP		0xfec00000

/* Offsets in the ROM */
#define ROM_INIT		128
#define ROM_GET_RELOC		136
#define ROM_INFO		144

/* Offsets in the information block at ROM_INFO */
#define INFO_ROM_PHYS		8
#define INFO_STATE_PHYS		12
#define INFO_STATS_PHYS		16
#define INFO_STATS_SIZE		20
#define INFO_SHADOW_PHYS	24
#define INFO_SHADOW_SIZE	28
#define INFO_DEBUG_PORT		32
#define INFO_CONFIG		34
#define INFO_ANSWERS		36
#define INFO_GROUPS		38
#define INFO_NAMES		40
#define INFO_NCALLS		42
#define INFO_CODE_START		44
#define INFO_CODE_END		46
#define INFO_FIXUPS		48
#define INFO_NFIXUPS		50
#define INFO_SUM		52
#define INFO_INT15		56

/* INFO_CONFIG bits */
#define CFG_INIT_FAIL		0x0001
#define CFG_CPL1		0x0002
#define CFG_BAD_SUM		0x0004
#define CFG_FAST		0x0008
#define CFG_FREQ_ZERO		0x0010
#define CFG_FREQ_LOW		0x0020
#define CFG_FREQ_HIGH		0x0040
#define CFG_BODY_UD2		0x0080
#define CFG_SLOW		0x0100

/* Bytes of the answer table: what get_reloc says of a call */
#define ANSWER_NONE		0x00
#define ANSWER_CALL		0x01
#define ANSWER_JUMP		0x02
#define ANSWER_NOP		0x03
#define ANSWER_UD2		0x10
#define ANSWER_BELOW		0x11
#define ANSWER_ABOVE		0x12
#define ANSWER_UNKNOWN		0x13
#define ANSWER_LATE		0x14
#define ANSWER_DEFAULT		0xff

/* How many IRETs there have been when calls of ANSWER_LATE begin to crash */
#define LATE_IRETS		20000

/* Relocation types of the ABI */
#define RELOC_NONE		0
#define RELOC_CALL		1
#define RELOC_JUMP		2
#define RELOC_NOP		3
#define RELOC_UNKNOWN		7

/* Layout of the state */
#define STATE_SIZE		0xa000
#define STATE_TRAMPOLINE	0x0000
#define STATE_BRIDGE		0x1000
#define STATE_STATS		0x4000
#define STATE_CPUS		0x5000
#define STATS_PENDING		60
#define STATS_CALLS		64
#define MAX_CPUS		16
#define CPU_SIZE		0x400

/* Where the shadow block is looked for, and where it is mapped */
#define SHADOW_PHYS		0x04000000
#define SHADOW_SIZE		0x01000000
#define SHADOW_LINEAR		VIRTUAL_TOP

/* Trampoline: offsets of what the AP reads, filled by vmi_init */
#define TRAMP_DATA		0x0200
#define TRAMP_STATE		(TRAMP_DATA + 0)
#define TRAMP_SLOTS		(TRAMP_DATA + 0x100)
#define CPU_APSTATE		0
#define CPU_BRIDGE_CR4		92
#define CPU_BRIDGE_CR3		96
#define CPU_ENTRY		100
#define CPU_DELTA		104

#define CPU_AP_VALID		112
#define AP_RING0		1
#define AP_RING1		2

/* The monitor's selectors: the last entries of its GDT */
#define MON_GATE		0xfd8
#define MON_CS			0xfe0
#define MON_DS			0xfe8
#define MON_TSS			0xff0

#endif /* VMI_ROM_ROM_H */
