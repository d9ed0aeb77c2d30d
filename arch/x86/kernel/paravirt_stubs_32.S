/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stubs between call sites and paravirt operations.
 *
 * An operation has its arguments and its result in fixed registers, and a call
 * site that were to comply would cost its function a move or a spill, on
 * bare metal too.  These sites therefore keep their operands where the
 * compiler has put them and call the stub that is made for those registers.
 * A stub preserves all other registers.
 */
#include <linux/export.h>
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/cpufeatures.h>
#include <asm/nospec-branch.h>
#include <asm/page_types.h>
#include <asm/paravirt_entry_32.h>

.macro PV_INDIRECT_CALL op:req
	ANNOTATE_RETPOLINE_SAFE
	call	*pv_ops+\op
.endm

.macro PV_INDIRECT_JMP op:req
	ANNOTATE_RETPOLINE_SAFE
	jmp	*%cs:pv_ops+\op
.endm

.macro PV_CALL op:req
.Lpv_start_\@:
	ALTERNATIVE "PV_INDIRECT_CALL \op", "call BUG_func", ALT_CALL_ALWAYS
.Lpv_end_\@:
	PV_SITE_RECORD .Lpv_start_\@, .Lpv_end_\@, PV_SITE_CALL, \op
.endm

.macro PV_JMP op:req
.Lpv_start_\@:
	ALTERNATIVE "PV_INDIRECT_JMP \op", "jmp BUG_func", ALT_CALL_ALWAYS
.Lpv_end_\@:
	PV_SITE_RECORD .Lpv_start_\@, .Lpv_end_\@, PV_SITE_CALL, \op
.endm

/* C functions: arguments and result as those of the operation. */
.macro PV_FUNCTION name:req op:req
SYM_FUNC_START(\name)
	PV_JMP	\op
SYM_FUNC_END(\name)
EXPORT_SYMBOL(\name)
.endm

.macro PV_EACH_REG macro:req args:vararg
	.irp	reg, eax, ebx, ecx, edx, esi, edi, ebp
	\macro	\reg, \args
	.endr
.endm

.section .noinstr.text, "ax"

/* An operation without arguments: its result goes to @reg. */
.macro PV_RESULT reg:req what:req op:req
SYM_FUNC_START_NOALIGN(\what\()_\reg)
.ifc \reg, eax
	PV_CALL	\op
.else
	pushl	%eax
	PV_CALL	\op
	movl	%eax, %\reg
	popl	%eax
.endif
	RET
SYM_FUNC_END(\what\()_\reg)
EXPORT_SYMBOL(\what\()_\reg)
.endm

/* An operation without a result, which may change %edx: @reg is its argument. */
.macro PV_ARGUMENT reg:req what:req op:req
SYM_FUNC_START_NOALIGN(\what\()_\reg)
	pushl	%eax
	pushl	%edx
	movl	%\reg, %eax
	PV_CALL	\op
	popl	%edx
	popl	%eax
	RET
SYM_FUNC_END(\what\()_\reg)
EXPORT_SYMBOL(\what\()_\reg)
.endm

.macro PV_STUBS macro:req what:req op:req
SYM_CODE_START_NOALIGN(\what\()_stubs)
SYM_CODE_END(\what\()_stubs)
	PV_EACH_REG \macro, \what, \op
SYM_CODE_START_NOALIGN(\what\()_stubs_end)
SYM_CODE_END(\what\()_stubs_end)
.endm

	PV_STUBS PV_RESULT, pv_save_fl, PV_IRQ_save_fl
	PV_STUBS PV_RESULT, pv_read_cr2, PV_MMU_read_cr2
#if defined(CONFIG_SMP) && defined(CONFIG_PARAVIRT_SPINLOCKS)
	PV_STUBS PV_ARGUMENT, pv_queued_spin_unlock, PV_LOCK_queued_spin_unlock
#endif

.text

.macro PV_CONVERT_LO_HI lo:req hi:req what:req
SYM_FUNC_START_NOALIGN(\what\()_\lo\()_\hi)
	pushl	%\hi
	pushl	%\lo
	call	\what\()_pushed
	popl	%\lo
	leal	4(%esp), %esp
	RET
SYM_FUNC_END(\what\()_\lo\()_\hi)
EXPORT_SYMBOL(\what\()_\lo\()_\hi)
.endm

.macro PV_CONVERT_HI hi:req what:req
	PV_EACH_REG PV_CONVERT_LO_HI, \hi, \what
.endm

.macro PV_CONVERT_LO lo:req what:req op:req insn:vararg
SYM_FUNC_START_NOALIGN(\what\()_\lo)
	pushl	%eax
	pushl	%edx
	movl	%\lo, %eax
	PV_CALL	\op
	\insn
	popl	%edx
	xchgl	%eax, (%esp)
	popl	%\lo
	RET
SYM_FUNC_END(\what\()_\lo)
EXPORT_SYMBOL(\what\()_\lo)
.endm

/*
 * The value of a page table entry, of which the site wants the frame: its
 * number, or the address of the page if that is below 4 GB.
 */
.macro PV_CONVERT what:req op:req insn:vararg
#ifdef CONFIG_X86_PAE
/* The low half is 4 bytes up the stack, the high half 8; both stay there. */
SYM_CODE_START_LOCAL(\what\()_pushed)
	pushl	%eax
	pushl	%edx
	movl	12(%esp), %eax
	movl	16(%esp), %edx
	PV_CALL	\op
	\insn
	movl	%eax, 12(%esp)
	popl	%edx
	popl	%eax
	RET
SYM_CODE_END(\what\()_pushed)

SYM_CODE_START_NOALIGN(\what\()_stubs)
SYM_CODE_END(\what\()_stubs)
	PV_EACH_REG PV_CONVERT_HI, \what
#else
SYM_CODE_START_NOALIGN(\what\()_stubs)
SYM_CODE_END(\what\()_stubs)
	PV_EACH_REG PV_CONVERT_LO, \what, \op, \insn
#endif
SYM_CODE_START_NOALIGN(\what\()_stubs_end)
SYM_CODE_END(\what\()_stubs_end)
.endm

#ifdef CONFIG_X86_PAE
#define PFN_INSN	shrdl $PAGE_SHIFT, %edx, %eax
#define PV_MMU_MIDDLE	PV_MMU_pmd_val
#else
#define PFN_INSN	shrl $PAGE_SHIFT, %eax
#define PV_MMU_MIDDLE	PV_MMU_pgd_val
#endif
#define TABLE_INSN	andl $PAGE_MASK, %eax

	PV_CONVERT pv_pte_pfn, PV_MMU_pte_val, PFN_INSN
	PV_CONVERT pv_pmd_pfn, PV_MMU_MIDDLE, PFN_INSN
	PV_CONVERT pv_pmd_table, PV_MMU_MIDDLE, TABLE_INSN
#ifdef CONFIG_X86_PAE
	PV_CONVERT pv_pud_table, PV_MMU_pgd_val, TABLE_INSN
#endif

PV_FUNCTION __pv_set_pte, PV_MMU_set_pte
#if defined(CONFIG_SMP) && defined(CONFIG_PARAVIRT_SPINLOCKS)
PV_FUNCTION pv_queued_spin_lock_slowpath, PV_LOCK_queued_spin_lock_slowpath
#endif
