/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_VMI_ABI_H
#define _ASM_X86_VMI_ABI_H
/*
 * The Virtual Machine Interface, ROM API 3.x: what a kernel and the option ROM
 * of a hypervisor agree on.  Numbers and layouts only; also built on the host,
 * by the fuzzer of the code that validates ROMs.
 *
 * All structures are little-endian.  A ROM routine is called like a C function
 * with three register parameters: %eax, %edx, %ecx, further ones on the stack,
 * result in %eax or %edx:%eax, 64-bit values as two words with the low one
 * first.  It destroys these registers and the flags.  Exceptions are noted at
 * the call.
 */

/* Where ROMs are: physical, in steps, up to and without the end */
#define VMI_WINDOW_START	0xc0000
#define VMI_WINDOW_END		0xe0000
#define VMI_WINDOW_STEP		0x800

#define VMI_ROM_MAGIC		0xaa55
#define VMI_MAGIC		0x696d5663	/* "cVmi" */
#define VMI_API_MAJOR		3
#define VMI_API_MINOR		0
#define VMI_ROM_UNIT		512

/**
 * struct vmi_rom_header - start of the option ROM
 * @magic:		VMI_ROM_MAGIC
 * @length:		size of the ROM in units of 512 bytes
 * @entry16:		for the firmware, in real mode
 * @pad0:		alignment
 * @vmi_magic:		VMI_MAGIC
 * @api_minor:		calls are only ever added
 * @api_major:		VMI_API_MAJOR
 * @jump_slots:		informational
 * @reserved1:		0
 * @virtual_top:	first linear address that is the hypervisor's, 0 for none
 * @reserved2:		0
 * @license:		offset of a string, 0 for none
 * @pci:		offset of struct vmi_rom_pci
 * @pnp:		offset of struct vmi_rom_pnp, 0 for none
 * @reserved3:		0
 * @init:		code, called once on the boot CPU with interrupts off;
 *			returns 0, or the machine is left as it was
 * @get_reloc:		code, turns the number of a call into its relocation
 */
struct vmi_rom_header {
	u16	magic;
	u8	length;
	u8	entry16[4];
	u8	pad0;
	u32	vmi_magic;
	u8	api_minor;
	u8	api_major;
	u8	jump_slots;
	u8	reserved1;
	u32	virtual_top;
	u16	reserved2;
	u16	license;
	u16	pci;
	u16	pnp;
	u8	reserved3[100];
	u8	init[8];
	u8	get_reloc[8];
} __packed;

/* PCI data structure of an expansion ROM */
#define VMI_PCI_MAGIC		0x52494350	/* "PCIR" */
#define VMI_PCI_VENDOR		0x15ad
#define VMI_PCI_DEVICE		0x0801

/**
 * struct vmi_rom_pci - PCI data structure, as far as it is looked at
 * @magic:	VMI_PCI_MAGIC
 * @vendor:	VMI_PCI_VENDOR
 * @device:	VMI_PCI_DEVICE
 * @vpd:	not used
 * @length:	of the structure, in bytes
 * @revision:	of the structure
 * @class:	class, subclass, interface
 * @image:	size of the image in units of 512 bytes
 * @rom_minor:	version of the ROM
 * @rom_major:	version of the ROM
 * @code_type:	not used
 * @last:	not used
 * @reserved:	not used
 */
struct vmi_rom_pci {
	u32	magic;
	u16	vendor;
	u16	device;
	u16	vpd;
	u16	length;
	u8	revision;
	u8	class[3];
	u16	image;
	u8	rom_minor;
	u8	rom_major;
	u8	code_type;
	u8	last;
	u16	reserved;
} __packed;

/* Plug and play expansion header */
#define VMI_PNP_MAGIC		0x506e5024	/* "$PnP" */

/**
 * struct vmi_rom_pnp - plug and play header, as far as it is looked at
 * @magic:		VMI_PNP_MAGIC
 * @revision:		of the structure
 * @size:		of the structure
 * @next:		not used
 * @reserved:		not used
 * @device:		not used
 * @manufacturer:	offset of a string, 0 for none
 * @product:		offset of a string, 0 for none
 */
struct vmi_rom_pnp {
	u32	magic;
	u8	revision;
	u8	size;
	u16	next;
	u16	reserved;
	u32	device;
	u16	manufacturer;
	u16	product;
} __packed;

/* Relocations: address in bits 31..0, type in bits 39..32 */
#define VMI_RELOC_NONE		0	/* not offered: keep what is native */
#define VMI_RELOC_CALL		1	/* to be called, returns */
#define VMI_RELOC_JUMP		2	/* to be jumped to, does not return */
#define VMI_RELOC_NOP		3	/* nothing has to be done */

/*
 * The calls that the kernel uses.  The comment names the group, the form of
 * the answer (C a call, J a jump, N may be nothing) and the arguments.
 */
#define VMI_CALL_CPUID		0	/* cpu C: like the instruction */
#define VMI_CALL_SET_GDT	3	/* cpu C: limit and base */
#define VMI_CALL_SET_LDT	4	/* cpu C: selector */
#define VMI_CALL_SET_IDT	5	/* cpu C: limit and base */
#define VMI_CALL_SET_TR		6	/* cpu C: selector */
#define VMI_CALL_GET_TR		10	/* cpu C */
#define VMI_CALL_WRITE_GDT	11	/* cpu C: table, index, low, high */
#define VMI_CALL_WRITE_LDT	12	/* cpu C: table, index, low, high */
#define VMI_CALL_WRITE_IDT	13	/* cpu C: table, index, low, high */
#define VMI_CALL_KERNEL_STACK	14	/* cpu CN: SS, ESP */
#define VMI_CALL_SET_CR0	15	/* cpu C */
#define VMI_CALL_SET_CR2	16	/* mmu C */
#define VMI_CALL_SET_CR3	17	/* mmu C */
#define VMI_CALL_SET_CR4	18	/* cpu C */
#define VMI_CALL_GET_CR0	19	/* cpu C */
#define VMI_CALL_GET_CR2	20	/* mmu C */
#define VMI_CALL_GET_CR3	21	/* mmu C */
#define VMI_CALL_WBINVD		23	/* cpu CN */
#define VMI_CALL_SET_DR		24	/* cpu C: number, value */
#define VMI_CALL_GET_DR		25	/* cpu C: number */
#define VMI_CALL_IRQ_ENABLE	29	/* irq C: destroys the flags only */
#define VMI_CALL_IRQ_DISABLE	30	/* irq C: destroys the flags only */
#define VMI_CALL_IRQ_GET	31	/* irq C: result in bit 9 of %eax */
#define VMI_CALL_IRET		33	/* cpu CJ: frame at the top of the stack */
#define VMI_CALL_HALT		35	/* irq C: enables interrupts and waits */
#define VMI_CALL_REBOOT		36	/* does not return */
#define VMI_CALL_SHUTDOWN	37	/* does not return */
#define VMI_CALL_SET_PTE	38	/* mmu C: entry, address, flags */
#define VMI_CALL_SET_PTE_LONG	39	/* mmu C: low, high, address, flags */
#define VMI_CALL_UPDATE_PTE	40	/* mmu CN: address, flags */
#define VMI_CALL_UPDATE_PTE_LONG 41	/* mmu CN: address, flags */
#define VMI_CALL_ALLOC_PAGE	44	/* mmu CN: pfn, flags, source, first, n */
#define VMI_CALL_RELEASE_PAGE	45	/* mmu CN: pfn, flags */
#define VMI_CALL_INVAL_PAGE	46	/* mmu C: address */
#define VMI_CALL_FLUSH_TLB	47	/* mmu C: flags */
#define VMI_CALL_LINEAR_MAPPING	48	/* mmu CN: slot, address, pages, pfn */
#define VMI_CALL_AP_STATE	62	/* apic C: struct vmi_ap_state, APIC ID */
#define VMI_CALL_APIC_WRITE	63	/* apic C: address of register, value */
#define VMI_CALL_APIC_READ	64	/* apic C: address of register */
#define VMI_CALL_IO_DELAY	65	/* cpu CN */
#define VMI_CALL_CYCLE_HZ	66	/* time C */
#define VMI_CALL_CYCLES		67	/* time C: counter */
#define VMI_CALL_SET_ALARM	68	/* time C: flags, expiry, period */
#define VMI_CALL_CANCEL_ALARM	69	/* time C: flags */
#define VMI_CALL_WALLCLOCK	70	/* time C */
#define VMI_CALL_LAZY_MODE	73	/* mmu CN: mode */
#define VMI_NR_CALLS		74

/* SYSEXIT, the second call that is jumped to */
#define VMI_CALL_SYSEXIT	34

/* Kinds of page tables: registration of pages, level of updates */
#define VMI_PAGE_PT		0x01
#define VMI_PAGE_PD		0x02
#define VMI_PAGE_PDP		0x04
/* Only at registration */
#define VMI_PAGE_PAE		0x10
#define VMI_PAGE_CLONE		0x20	/* copy of @source, n entries from first */
#define VMI_PAGE_ZEROED		0x40

/* Only at updates; bits 31..12 are the address that is mapped */
#define VMI_UPDATE_CURRENT_AS	0x10
#define VMI_UPDATE_DEFER	0x20	/* only with VMI_UPDATE_CURRENT_AS */

#define VMI_FLUSH_TLB		0x01
#define VMI_FLUSH_GLOBAL	0x02

#define VMI_LAZY_NONE		0
#define VMI_LAZY_MMU		1
#define VMI_LAZY_CPU		2

#define VMI_CYCLES_REAL		0
#define VMI_CYCLES_AVAILABLE	1
#define VMI_CYCLES_STOLEN	2

#define VMI_ALARM_PERIODIC	0x00100
#define VMI_ALARM_LVTT		0x10000	/* else IRQ 0 */

/**
 * struct vmi_ap_state - what an application processor starts with
 *
 * Page aligned.  The members are registers; note that the order of base and
 * limit differs between @gdt_limit and @idt_limit.
 */
struct vmi_ap_state {
	/* private: */
	u32	cr0, cr2, cr3, cr4;
	u64	efer;
	u32	eip, eflags;
	u32	eax, ebx, ecx, edx, esp, ebp, esi, edi;
	u16	cs, ss, ds, es, fs, gs;
	u16	ldtr;
	u16	gdt_limit;
	u32	gdt_base;
	u32	idt_base;
	u16	idt_limit;
	u16	pad;
} __packed;

#endif /* _ASM_X86_VMI_ABI_H */
