/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest calls: one stub for each call.
 *
 * A stub counts, then either runs the instruction itself (calls with register
 * conventions of their own) or jumps to the C function with the caller's
 * registers and stack as they were. State is addressed through EBP, that is
 * through SS: for the interrupt-flag calls, IRET and SYSEXIT the ABI promises
 * flat CS and SS only.
 */
#include "rom.h"
#include "violations.h"

#define STAT_CALL(nr)	(STATE_STATS + STATS_CALLS + 4 * (nr))

	.section .stubs, "ax"
	.code32

/* Load the linear address of the state; the real-mode entry fixes the sum. */
.macro get_state reg
	call	.Lpc\@
.Lpc\@:	popl	\reg
	addl	$(vmi_state - .Lpc\@), \reg
.Lfix\@:
	.pushsection .fixups, "a"
	.long	.Lfix\@ - 4
	.popsection
.endm

.macro count nr
#ifndef VMI_FAST
	pushl	%ebp
	get_state %ebp
	lock incl STAT_CALL(\nr)(%ebp)
	popl	%ebp
#endif
.endm

.macro stub nr
	.balign	4
	.globl	stub_\nr
stub_\nr:
	count	\nr
.endm

/* Calls written in C */
#define X(nr, name, group)	.ifndef asm_##nr; stub nr; jmp vmi_##name; .endif;

.set asm_0, 1
stub 0
	cpuid
	ret

.set asm_1, 1
stub 1
	wrmsr
	ret

.set asm_2, 1
stub 2
	rdmsr
	ret

.set asm_23, 1
stub 23
	wbinvd
	ret

.set asm_26, 1
stub 26
	rdpmc
	ret

.set asm_27, 1
stub 27
	rdtsc
	ret

.set asm_28, 1
stub 28
	clts
	ret

/* What is pending is delivered before the call returns: NOP ends the shadow. */
.set asm_29, 1
stub 29
	sti
	nop
	ret

.set asm_30, 1
stub 30
	cli
	ret

.set asm_31, 1
stub 31
	pushfl
	popl	%eax
	ret

.set asm_32, 1
stub 32
	testl	$0x200, %eax
	jz	1f
	sti
	nop
	ret
1:	cli
	ret

/* Call a C function with flat segments; the registers stay as they are. */
#ifndef VMI_FAST
.macro report function, kind, nr
	pushal
	pushl	%ds
	pushl	%es
	movl	%ss, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	$\kind, %eax
	movl	$\nr, %edx
	movl	40(%esp), %ecx
	call	\function
	popl	%es
	popl	%ds
	popal
.endm

/* Updates that wait for a flush when user mode goes on are due. */
.macro check_pending nr
	pushl	%ebp
	get_state %ebp
	cmpl	$0, STATE_STATS + STATS_PENDING(%ebp)
	popl	%ebp
	je	.Lnone\@
	report	vmi_pending_asm, 0, \nr
.Lnone\@:
.endm
#endif

/*
 * A return to user mode with interrupts off is undefined in the ABI: it is
 * reported. User mode is RPL 3 (the kernel may be at 0 or 1), or the VM flag.
 */
.set asm_33, 1
stub 33
#ifndef VMI_FAST
	testl	$0x20000, 8(%esp)
	jnz	1f
	testl	$2, 4(%esp)
	jz	2f
1:	testl	$0x200, 8(%esp)
	jnz	3f
	report	vmi_violation_asm, V_IRET_IF, 33
3:	check_pending 33
2:
#endif
	iret

.set asm_34, 1
stub 34
#ifndef VMI_FAST
	check_pending 34
#endif
	sti
	sysexit

/*
 * Interrupts of a one-shot alarm further off than the timer can count are
 * chained here: see vmi_timer_poll().
 */
.set asm_35, 1
stub 35
	pushl	%eax
	pushl	%ecx
	pushl	%edx
	cli
	call	vmi_timer_poll
	popl	%edx
	popl	%ecx
	popl	%eax
	sti
	hlt
	ret

.set asm_49, 1
stub 49
	inl	%dx, %eax
	ret

.set asm_50, 1
stub 50
	inb	%dx, %al
	ret

.set asm_51, 1
stub 51
	inw	%dx, %ax
	ret

.set asm_52, 1
stub 52
	rep insl
	ret

.set asm_53, 1
stub 53
	rep insb
	ret

.set asm_54, 1
stub 54
	rep insw
	ret

.set asm_55, 1
stub 55
	outl	%eax, %dx
	ret

.set asm_56, 1
stub 56
	outb	%al, %dx
	ret

.set asm_57, 1
stub 57
	outw	%ax, %dx
	ret

.set asm_58, 1
stub 58
	rep outsl
	ret

.set asm_59, 1
stub 59
	rep outsb
	ret

.set asm_60, 1
stub 60
	rep outsw
	ret

.set asm_65, 1
stub 65
	outb	%al, $0x80
	ret

	VMI_CALLS(X)
#undef X

/* IRET for a guest that was told to CALL: a return address is on the stack. */
	.globl	iret_called
	.balign	4
iret_called:
	leal	4(%esp), %esp
	jmp	stub_33

/* The same calls, broken: what the variants with UD2 answers hand out. */
.macro broken nr
	.balign	4
broken_\nr:
	count	\nr
	ud2
.endm
#define X(nr, name, group)	broken nr;
	VMI_CALLS(X)
#undef X

/* Sound until the guest has been at work for a while, then broken. */
.macro late nr
	.balign	4
late_\nr:
#ifndef VMI_FAST
	pushl	%ebp
	get_state %ebp
	cmpl	$LATE_IRETS, STAT_CALL(33)(%ebp)
	popl	%ebp
	jae	broken_\nr
#endif
	jmp	stub_\nr
.endm
#define X(nr, name, group)	late nr;
	VMI_CALLS(X)
#undef X

	.globl	entry_init
entry_init:
#ifndef VMI_FAST
	call	vmi_init
	pushl	%eax
	call	mon_on
	testb	%al, %al
	popl	%eax
	jnz	1f
	ret
1:	call	mon_leave
	ud2
#else
	jmp	vmi_init
#endif

	.globl	entry_get_reloc
entry_get_reloc:
	jmp	vmi_get_reloc

/* Address of the code: the linear address of the ROM as it was called */
	.globl	rom_linear
rom_linear:
	call	1f
1:	popl	%eax
	subl	$1b, %eax
	ret

	.section .rodata, "a"
	.balign	4
#define X(nr, name, group)	.long stub_##nr;
	.globl	stub_table
stub_table:
	VMI_CALLS(X)
#undef X
#define X(nr, name, group)	.long broken_##nr;
	.globl	broken_table
broken_table:
	VMI_CALLS(X)
#undef X
#define X(nr, name, group)	.long late_##nr;
	.globl	late_table
late_table:
	VMI_CALLS(X)
#undef X
