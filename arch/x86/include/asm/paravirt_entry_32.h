/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PARAVIRT_ENTRY_32_H
#define _ASM_X86_PARAVIRT_ENTRY_32_H
/*
 * Paravirt operations of entry_32.S.
 *
 * Exceptions return through these from the first page fault on, so each has
 * to work before alternatives have run: it then goes through pv_ops.
 */
#ifdef CONFIG_PARAVIRT_XXL

#include <asm/alternative.h>
#include <asm/asm-offsets.h>
#include <asm/paravirt_types.h>
#include <asm/paravirt_sites.h>

.macro PARA_INDIRECT_IRQ_DISABLE
	ANNOTATE_RETPOLINE_SAFE
	call	*pv_ops+PV_IRQ_irq_disable
.endm

.macro PARA_INDIRECT_IRET
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%cs:pv_ops+PV_CPU_iret
.endm

.macro PARA_NATIVE_CLI
	.fill	5, 1, 0x3e
	cli
.endm

/* Clear the interrupt flag.  Preserves all registers but the flags. */
.macro PARA_IRQ_DISABLE
.Lpv_start_\@:
	ALTERNATIVE_2 "PARA_INDIRECT_IRQ_DISABLE",			\
		      "call BUG_func", ALT_CALL_ALWAYS,			\
		      "PARA_NATIVE_CLI", ALT_NATIVE_IRQ
.Lpv_end_\@:
	PV_SITE_RECORD .Lpv_start_\@, .Lpv_end_\@, PV_SITE_ALT, PV_IRQ_irq_disable
.endm

/*
 * Return to the interrupted context.  The data segments are its own by now and
 * %ss may be the espfix segment: only %cs is known to be flat.  Nothing but
 * a native IRET may follow a switch to the user page table, where pv_ops is
 * not mapped; page table isolation is off with any other.
 */
.macro PARA_IRET
.Lpv_start_\@:
	ALTERNATIVE_2 "PARA_INDIRECT_IRET",				\
		      "jmp BUG_func", ALT_CALL_ALWAYS,			\
		      "iret", ALT_NATIVE_CPU
.Lpv_end_\@:
	PV_SITE_RECORD .Lpv_start_\@, .Lpv_end_\@, PV_SITE_ALT, PV_CPU_iret
.endm

/*
 * Go to @target if a backend owns the kernel stack: the task stack is the entry
 * stack then, see update_task_stack().
 */
.macro PARA_SKIP_ENTRY_STACK target:req
.Lpv_start_\@:
	ALTERNATIVE "", "jmp \target", X86_FEATURE_PV_CPU
.Lpv_end_\@:
	PV_SITE_RECORD .Lpv_start_\@, .Lpv_end_\@, PV_SITE_BRANCH, PV_CPU_iret
.endm

/*
 * May the system call return by SYSEXIT, as %al says?  Not unless it and STI
 * are the kernel's own.  Clears ZF if so.
 */
.macro PARA_TEST_SYSEXIT
.Lpv_start_\@:
	ALTERNATIVE_2 "testb %al, %al",					\
		      "xorl %eax, %eax", X86_FEATURE_PV_CPU,		\
		      "xorl %eax, %eax", X86_FEATURE_PV_IRQ
.Lpv_end_\@:
	PV_SITE_RECORD .Lpv_start_\@, .Lpv_end_\@, PV_SITE_SYSEXIT, PV_CPU_iret
.endm

#else /* !CONFIG_PARAVIRT_XXL */

.macro PARA_IRQ_DISABLE
	cli
.endm

.macro PARA_IRET
	iret
.endm

.macro PARA_SKIP_ENTRY_STACK target:req
.endm

.macro PARA_TEST_SYSEXIT
	testb	%al, %al
.endm

#endif /* CONFIG_PARAVIRT_XXL */

#endif /* _ASM_X86_PARAVIRT_ENTRY_32_H */
