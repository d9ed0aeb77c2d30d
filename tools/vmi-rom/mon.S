/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ring 1: how a kernel at CPL 1 gets to the ROM in ring 0 and back.
 *
 * The kernel keeps IOPL 1: the interrupt flag, IRET and port I/O need no help
 * and use the ordinary stubs. All else goes through a call gate, on a stack of
 * the monitor. Interrupts stay off in ring 0: a gate of the guest cannot be
 * taken from there.
 */
#include "rom.h"

#ifndef VMI_FAST

	.section .stubs, "ax"
	.code32

.macro gated nr
	.balign	4
gated_\nr:
	pushfl
	cli
	pushl	$\nr
	lcall	$MON_GATE, $0
	leal	4(%esp), %esp
	popfl
	ret
.endm
#define X(nr, name, group)	gated nr;
	VMI_CALLS(X)
#undef X

/*
 * Not offered: SYSENTER, which would lead to ring 0, and what works at CPL 0
 * only and cannot be emulated: MONITOR, STAC and CLAC (SMAP); and UMIP, which
 * would make SGDT and its like fault.
 */
	.globl	cpuid_ring1
	.balign	4
cpuid_ring1:
	cmpl	$1, %eax
	je	1f
	cmpl	$7, %eax
	jne	stub_0
	call	stub_0
	andl	$~0x100000, %ebx
	andl	$~0x4, %ecx
	ret
1:	call	stub_0
	andl	$~0x800, %edx
	andl	$~0x8, %ecx
	ret

	.section .rodata, "a"
	.balign	4
#define X(nr, name, group)	.long gated_##nr;
	.globl	gated_table
gated_table:
	VMI_CALLS(X)
#undef X

	.section .text, "ax"

.macro enter_c function
	pushal
	pushl	%ds
	pushl	%es
	cld
	movl	$MON_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%esp, %eax
	call	\function
	popl	%es
	popl	%ds
	popal
.endm

/* Call gate: EIP, CS, ESP, SS on the stack */
	.globl	mon_gate
mon_gate:
	enter_c	mon_call
	lret

/* General protection: error code, EIP, CS, EFLAGS, from rings 1 to 3 ESP, SS */
	.globl	mon_gp_entry
mon_gp_entry:
	enter_c	mon_gp
	addl	$4, %esp
	iret

	.globl	mon_fatal_entry
mon_fatal_entry:
	enter_c	mon_fatal

/* void mon_invoke(struct gate_frame *f, u32 eip, u32 s0, u32 s1) */
	.globl	mon_invoke
mon_invoke:
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	pushl	%ebp
	pushl	20(%esp)
	pushl	%ecx
	movl	%eax, %ebp
	/* The stub returns here: EBP is the frame again. */
	call	1f
	movl	%edi, 8(%ebp)
	movl	%esi, 12(%ebp)
	movl	%ebx, 24(%ebp)
	movl	%edx, 28(%ebp)
	movl	%ecx, 32(%ebp)
	movl	%eax, 36(%ebp)
	addl	$8, %esp
	popl	%ebp
	popl	%edi
	popl	%esi
	popl	%ebx
	ret
1:	pushl	%edx
	movl	8(%ebp), %edi
	movl	12(%ebp), %esi
	movl	24(%ebp), %ebx
	movl	28(%ebp), %edx
	movl	32(%ebp), %ecx
	movl	36(%ebp), %eax
	ret

/*
 * RDMSR and WRMSR that may fault: mon_gp goes on at the second label, which
 * leaves 1 in the register that the caller looks at.
 */
	.globl	mon_rdmsr, mon_wrmsr, mon_msr_fault
mon_rdmsr:
	rdmsr
	ret
mon_wrmsr:
	wrmsr
	ret
mon_msr_fault:
	movl	$1, %esi
	ret

/* While the CPU halts in ring 0: the vector is the answer, in EAX. */
	.globl	mon_vectors
	.balign	16
mon_vectors:
	.set	i, 0
	.rept	256
	.balign	16
	pushl	$i
	jmp	mon_woken
	.set	i, i + 1
	.endr
mon_woken:
	popl	%eax
	andl	$~0x200, 8(%esp)
	iret

/* Return to the caller's caller in ring 1, with EAX as it is. */
	.globl	mon_leave
mon_leave:
	popl	%ecx
	popl	%edx
	movl	%esp, %ecx
	pushl	%eax
	movl	%ds, %eax
	movl	%eax, %ds
	movl	%es, %eax
	movl	%eax, %es
	movl	%fs, %eax
	movl	%eax, %fs
	movl	%gs, %eax
	movl	%eax, %gs
	movl	%ss, %eax
	orl	$1, %eax
	pushl	%eax
	pushl	%ecx
	pushfl
	orl	$0x1000, (%esp)
	movl	%cs, %eax
	orl	$1, %eax
	pushl	%eax
	pushl	%edx
	movl	20(%esp), %eax
	iret

#endif
