/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Start of an application processor.
 *
 * trampoline_start .. trampoline_end is copied to the first page of the state
 * and entered there in real mode, at offset 0 of a segment. All APs may run it
 * at once: it has no stack and writes only values that are the same for all.
 */
#include "rom.h"

#define AT(x)	((x) - trampoline_start)

	.section .text, "ax"
	.balign	16
	.code16
	.globl	trampoline_start, trampoline_end
trampoline_start:
	cli
	movw	%cs, %ax
	movw	%ax, %ds
	xorl	%esi, %esi
	movw	%ax, %si
	shll	$4, %esi
	leal	AT(tramp_gdt)(%esi), %eax
	movl	%eax, AT(tramp_gdtr) + 2
	leal	AT(tramp_32)(%esi), %eax
	movl	%eax, AT(tramp_jump)
	lgdtl	AT(tramp_gdtr)
	movl	%cr0, %eax
	orl	$1, %eax
	movl	%eax, %cr0
	ljmpl	*AT(tramp_jump)

	.code32
tramp_32:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	/* Which one is this? */
	movl	$1, %eax
	cpuid
	shrl	$24, %ebx
	movzbl	TRAMP_SLOTS(%esi,%ebx), %ebx
	imull	$CPU_SIZE, %ebx
	addl	TRAMP_STATE(%esi), %ebx
	/* The bridge, with the features that its entries and the state need */
	movl	CPU_BRIDGE_CR4(%ebx), %eax
	movl	%eax, %cr4
	movl	16(%ebx), %eax
	movl	20(%ebx), %edx
	movl	%eax, %ecx
	orl	%edx, %ecx
	jz	1f
	movl	$0xc0000080, %ecx
	wrmsr
1:	movl	CPU_BRIDGE_CR3(%ebx), %eax
	movl	%eax, %cr3
	movl	0(%ebx), %eax
	movl	%eax, %cr0
	movl	CPU_ENTRY(%ebx), %eax
	addl	CPU_DELTA(%ebx), %ebx
	jmp	*%eax

	.balign	8
tramp_gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
tramp_gdtr:
	.word	23
	.long	0
tramp_jump:
	.long	0
	.word	8
	/* What follows in the page is its data. */
	.org	trampoline_start + TRAMP_DATA
trampoline_end:

/*
 * At the linear address, EBX = this CPU's data. The guest's own tables map
 * the ROM and the state from here on. Once SS is loaded, data is read through
 * it: DS may be anything.
 */
	.globl	ap_entry
ap_entry:
	movl	8(%ebx), %eax
	movl	%eax, %cr3
	movl	12(%ebx), %eax
	movl	%eax, %cr4
	movl	4(%ebx), %eax
	movl	%eax, %cr2
	lgdt	78(%ebx)
	movl	66(%ebx), %eax
	andl	$0xfffc, %eax
	movl	%eax, %ss
	movl	%ss:48(%ebx), %esp
	subl	$8, %esp
	movw	%ss:88(%ebx), %ax
	movw	%ax, %ss:2(%esp)
	movl	%ss:84(%ebx), %eax
	movl	%eax, %ss:4(%esp)
	lidt	%ss:2(%esp)
	addl	$8, %esp
#ifndef VMI_FAST
	/* Take the monitor's tables; SS stays as it is until the IRET. */
	cmpl	$AP_RING1, %ss:CPU_AP_VALID(%ebx)
	jne	1f
	movl	%ss, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%ebx, %eax
	call	mon_start
1:
#endif
	lldt	%ss:76(%ebx)
	movw	%ss:68(%ebx), %ds
	movw	%ss:70(%ebx), %es
	movw	%ss:72(%ebx), %fs
	movw	%ss:74(%ebx), %gs
	movl	%ss:28(%ebx), %eax
	orl	$2, %eax
	cmpl	$AP_RING1, %ss:CPU_AP_VALID(%ebx)
	jne	1f
	/* To an outer ring: stack first, and IOPL 1 */
	orl	$0x1000, %eax
	movzwl	%ss:66(%ebx), %ecx
	pushl	%ecx
	pushl	%ss:48(%ebx)
1:	pushl	%eax
	movzwl	%ss:64(%ebx), %eax
	pushl	%eax
	pushl	%ss:24(%ebx)
	movl	%ss:32(%ebx), %eax
	movl	%ss:40(%ebx), %ecx
	movl	%ss:44(%ebx), %edx
	movl	%ss:52(%ebx), %ebp
	movl	%ss:56(%ebx), %esi
	movl	%ss:60(%ebx), %edi
	movl	%ss:36(%ebx), %ebx
	iret
