/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ROM header, information block and the real-mode entry.
 *
 * The firmware copies the image into the window at 0xc0000, calls offset 3 in
 * real mode while the window is still writable, and write-protects it at the
 * end of POST. So the entry is the only code that may change the image:
 *
 *  1. allocate the state (permanent, below 1 MB) through PMM;
 *  2. hide the shadow block from the memory map: INT 15h is hooked;
 *  3. apply the fixups: the distance from the code to the state;
 *  4. make the checksum good again, last, after all other changes.
 *
 * Without memory for the state the ROM removes its VMI signature, and the
 * guest sees an ordinary option ROM.
 */
#include "rom.h"

#ifdef VMI_FAST
#define CONFIG_WORD	CFG_FAST
#else
#define CONFIG_WORD	0
#endif

	.section .header, "awx"
	.code16
	.globl rom_header
rom_header:
	.word	ROM_SIGNATURE
	/* Length in 512-byte units: written by vmi-romcheck. */
	.byte	0
	jmp	real_entry
	.org	8
	.long	VROM_SIGNATURE
	.byte	API_MINOR
	.byte	API_MAJOR
	/* Jump slots: none, there is no table of code slots in 3.x. */
	.byte	0
	.byte	0
	.long	VIRTUAL_TOP
	.word	0
	.word	license
	.word	pci_data
	.word	pnp_header

	.org	ROM_INIT
	.code32
	jmp	entry_init
	.org	ROM_GET_RELOC
	jmp	entry_get_reloc

	.org	ROM_INFO
	.globl rom_info
rom_info:
	.ascii	"vmiROM01"
	/* ROM, state and statistics: physical addresses, set in real mode */
	.long	0
	.long	0
	.long	0
	.long	STATS_CALLS + 4 * 80 + 4 * 32 + 64
	/* Shadow block: 0 when there is too little memory */
	.long	0
	.long	0
	/* Debug port found, configuration */
	.word	0
	.word	CONFIG_WORD
	.word	answers
	.word	groups
	.word	names
	.word	VMI_NCALLS
	.word	code_start
	.word	code_end
	.word	fixups_start
	.word	nfixups
	/* Checksum byte */
	.byte	0
	.byte	0, 0, 0
	/* The firmware's INT 15h */
	.long	0
rom_info_end:

	.balign	4
pci_data:
	.ascii	"PCIR"
	.word	PCI_VENDOR
	.word	PCI_DEVICE
	.word	0
	.word	24
	.byte	0
	/* Class: other system peripheral */
	.byte	0, 0x80, 0x08
	/* Image length: written by vmi-romcheck. */
	.word	0
	.byte	API_MINOR
	.byte	API_MAJOR
	.byte	0
	.byte	0x80
	.word	0

	.balign	16
pnp_header:
	.ascii	"$PnP"
	.byte	1
	.byte	2
	.word	0
	.byte	0
	/* Structure checksum: written by vmi-romcheck. */
	.byte	0
	.long	0
	.word	manufacturer
	.word	product
	.byte	0, 0x80, 0x08
	.byte	0
	.word	0
	.word	0
	.word	0
	.word	0
	.word	0

license:
	.asciz	"GPL v2"
manufacturer:
	.asciz	"paravirt-i386"
product:
	.asciz	"open VMI ROM"

	.balign	4
	.globl	answers
answers:
	.fill	VMI_NCALLS, 1, ANSWER_DEFAULT
#define X(nr, name, group)	.byte group;
	.globl	groups
groups:
	VMI_CALLS(X)
#undef X
#define X(nr, name, group)	.asciz #name;
	.globl	names
names:
	VMI_CALLS(X)
#undef X

	.section .real, "ax"
	.code16

#define INFO(x)	(rom_info + (x))

/* Clobbers everything but the segment registers. */
real_entry:
	pushal
	pushw	%ds
	pushw	%es
	cld
	pushw	%cs
	popw	%ds
	xorl	%eax, %eax
	movw	%cs, %ax
	shll	$4, %eax
	movl	%eax, INFO(INFO_ROM_PHYS)

	call	find_debug_port
	call	alloc_state
	jc	1f
	call	hide_shadow
	call	apply_fixups
	call	announce
	jmp	2f
1:	movl	$0, 8
	movw	$msg_no_memory, %si
	call	puts
2:	call	fix_checksum
	popw	%es
	popw	%ds
	popal
	/* PnP status: no boot device attached */
	xorw	%ax, %ax
	lretw

/* A debug console answers a read with 0xe9. */
find_debug_port:
	movw	$0x402, %dx
	inb	%dx, %al
	cmpb	$0xe9, %al
	je	1f
	movw	$0xe9, %dx
	inb	%dx, %al
	cmpb	$0xe9, %al
	je	1f
	xorw	%dx, %dx
1:	movw	%dx, INFO(INFO_DEBUG_PORT)
	ret

/* Sets carry when no memory was found. */
alloc_state:
	movw	$0xe000, %ax
1:	movw	%ax, %es
	cmpl	$0x4d4d5024, %es:0
	jne	3f
	movzbw	%es:5, %cx
	xorw	%si, %si
	xorb	%bl, %bl
2:	addb	%es:(%si), %bl
	incw	%si
	loop	2b
	testb	%bl, %bl
	jz	4f
3:	incw	%ax
	jnz	1b
	stc
	ret

	/* Allocate: conventional memory, permanent, anonymous */
4:	pushw	$0x0009
	pushl	$0xffffffff
	pushl	$((STATE_SIZE + 0x1000) / 16)
	pushw	$0
	lcallw	*%es:7
	addw	$12, %sp
	movzwl	%dx, %ebx
	shll	$16, %ebx
	movw	%ax, %bx
	testl	%ebx, %ebx
	jz	5f
	addl	$0xfff, %ebx
	andl	$0xfffff000, %ebx
	cmpl	$(0x100000 - STATE_SIZE), %ebx
	ja	5f
	movl	%ebx, INFO(INFO_STATE_PHYS)
	leal	STATE_STATS(%ebx), %eax
	movl	%eax, INFO(INFO_STATS_PHYS)
	shrl	$4, %ebx
	movw	%bx, %es
	xorw	%di, %di
	xorl	%eax, %eax
	movw	$(STATE_SIZE / 4), %cx
	rep stosl
	clc
	ret
5:	stc
	ret

/*
 * The block is taken from the middle of memory: loaders that know the machine
 * put a ramdisk at the very top without looking at the memory map.
 */
hide_shadow:
	subw	$24, %sp
	movw	%sp, %di
	pushw	%ss
	popw	%es
	xorl	%ebx, %ebx
1:	movl	$0xe820, %eax
	movl	$0x534d4150, %edx
	movl	$20, %ecx
	int	$0x15
	jc	3f
	call	has_shadow
	jc	2f
	testl	%ebx, %ebx
	jnz	1b
	jmp	3f

2:	movl	$SHADOW_PHYS, INFO(INFO_SHADOW_PHYS)
	movl	$SHADOW_SIZE, INFO(INFO_SHADOW_SIZE)
	xorw	%ax, %ax
	movw	%ax, %es
	movl	%es:(0x15 * 4), %eax
	movl	%eax, INFO(INFO_INT15)
	movw	$int15, %es:(0x15 * 4)
	movw	%cs, %es:(0x15 * 4 + 2)
3:	addw	$24, %sp
	ret

/*
 * Sets carry when the memory map entry at ES:DI is RAM and holds the shadow
 * block with something left above it. Preserves all registers.
 */
has_shadow:
	pushl	%eax
	cmpl	$1, %es:16(%di)
	jne	2f
	cmpl	$0, %es:4(%di)
	jne	2f
	cmpl	$SHADOW_PHYS, %es:(%di)
	jae	2f
	cmpl	$0, %es:12(%di)
	jne	1f
	movl	%es:(%di), %eax
	addl	%es:8(%di), %eax
	jc	1f
	cmpl	$(SHADOW_PHYS + SHADOW_SIZE), %eax
	jbe	2f
1:	popl	%eax
	stc
	ret
2:	popl	%eax
	clc
	ret

/*
 * INT 15h: the memory map entry that holds the shadow block is reported as
 * two. The top bit of the continuation value asks for the second one.
 */
int15:
	cmpl	$0xe820, %eax
	jne	1f
	cmpl	$0x534d4150, %edx
	je	2f
1:	ljmpw	*%cs:INFO(INFO_INT15)

2:	pushl	%ebp
	movl	%ebx, %ebp
	andl	$0x7fffffff, %ebx
	pushfw
	lcallw	*%cs:INFO(INFO_INT15)
	jc	5f
	call	has_shadow
	jnc	4f
	pushl	%eax
	testl	%ebp, %ebp
	js	3f
	movl	$SHADOW_PHYS, %eax
	subl	%es:(%di), %eax
	movl	%eax, %es:8(%di)
	movl	$0, %es:12(%di)
	leal	0x80000000(%ebp), %ebx
	popl	%eax
	jmp	4f
3:	movl	$(SHADOW_PHYS + SHADOW_SIZE), %eax
	subl	%es:(%di), %eax
	addl	%eax, %es:(%di)
	subl	%eax, %es:8(%di)
	sbbl	$0, %es:12(%di)
	popl	%eax
4:	clc
5:	popl	%ebp
	/* Hand the carry flag to the caller in the saved flags. */
	pushw	%bp
	movw	%sp, %bp
	jc	6f
	andw	$0xfffe, 6(%bp)
	popw	%bp
	iretw
6:	orw	$1, 6(%bp)
	popw	%bp
	iretw

apply_fixups:
	movl	INFO(INFO_STATE_PHYS), %eax
	subl	INFO(INFO_ROM_PHYS), %eax
	movw	$fixups_start, %si
	movw	$nfixups, %cx
1:	movw	(%si), %bx
	addl	%eax, (%bx)
	addw	$4, %si
	loop	1b
	ret

announce:
	movw	$msg_hello, %si
	call	puts
	movl	INFO(INFO_ROM_PHYS), %eax
	call	puthex
	movw	$msg_state, %si
	call	puts
	movl	INFO(INFO_STATE_PHYS), %eax
	call	puthex
	movw	$msg_shadow, %si
	call	puts
	movl	INFO(INFO_SHADOW_PHYS), %eax
	call	puthex
	movw	$msg_end, %si

puts:
	movw	INFO(INFO_DEBUG_PORT), %dx
	testw	%dx, %dx
	jz	2f
1:	lodsb
	testb	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	ret

puthex:
	movw	INFO(INFO_DEBUG_PORT), %dx
	testw	%dx, %dx
	jz	3f
	movl	%eax, %ebx
	movw	$8, %cx
1:	roll	$4, %ebx
	movb	%bl, %al
	andb	$15, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	2f
	addb	$('a' - '9' - 1), %al
2:	outb	%al, %dx
	loop	1b
3:	ret

fix_checksum:
	movzbw	2, %cx
	shlw	$9, %cx
	xorw	%si, %si
	xorb	%ah, %ah
1:	lodsb
	addb	%al, %ah
	loop	1b
	subb	%ah, INFO(INFO_SUM)
	testw	$CFG_BAD_SUM, INFO(INFO_CONFIG)
	jz	2f
	incb	INFO(INFO_SUM)
2:	ret

msg_hello:
	.asciz	"vmi-rom: API 3.0, rom "
msg_state:
	.asciz	" state "
msg_shadow:
	.asciz	" shadow "
msg_end:
	.asciz	"\n"
msg_no_memory:
	.asciz	"vmi-rom: no memory through PMM, not offering VMI\n"
