/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entry and exit of a 32-bit PV guest.  Included by xen-asm.S.
 *
 * The kernel runs in ring 1.  CLI and STI do nothing there, PUSHF always shows
 * IF set, and IRET leaves IF alone.  What counts is the event mask in
 * vcpu_info, which Xen saves and sets on each entry: the frame that it pushes
 * has IF = !mask, with the mask itself in bits 16-23 of CS.
 */
#include <asm/xen/interface.h>

/*
 * Marks a frame that an NMI or a machine check pushed: until it returns by
 * hypercall, Xen holds back the next one.  The architecture has no such flag.
 */
#define XEN_EFLAGS_ASYNC	(1 << 31)

	.pushsection .noinstr.text, "ax"
/*
 * Hypercall.  In: number in %eax, arguments in %ebx, %ecx, %edx, %esi, %edi.
 * Out: result in %eax; the argument registers are lost.
 */
SYM_FUNC_START(xen_hypercall_pv)
	int	$0x82
	RET
SYM_FUNC_END(xen_hypercall_pv)
	.popsection

	.pushsection .entry.text, "ax"
/*
 * %eax := vcpu_info of this CPU.  All segments but %ss may be a user's.  On UP,
 * per-CPU variables are plain ones, which no segment has to lead to.
 */
.macro GET_VCPU_INFO
#ifdef CONFIG_SMP
	pushl	%fs
	movl	$(__KERNEL_PERCPU), %eax
	movl	%eax, %fs
	movl	PER_CPU_VAR(xen_vcpu), %eax
.Lpop_fs_\@:
	popl	%fs
.Lpopped_fs_\@:
	_ASM_EXTABLE_TYPE(.Lpop_fs_\@, .Lpopped_fs_\@, EX_TYPE_POP_ZERO|EX_REG_FS)
#else
	movl	%ss:xen_vcpu, %eax
#endif
.endm

/*
 * The operation cpu.iret: a jump, with the hardware frame at the top of the
 * stack, everything else restored, and events masked.
 *
 * IRET works in ring 1 and is all there is to do if the outer context has
 * events masked, too.  If not, the mask has to go before the IRET.  An event
 * may then arrive between the two, where it must not nest: a task on its way to
 * user space would not see what the event asked for.  The entry point of events
 * recognizes the critical section by its addresses and takes the event as if it
 * had arrived in the outer context.
 */
SYM_CODE_START(xen_iret)
	testl	$(X86_EFLAGS_VM | XEN_EFLAGS_ASYNC), 2*4(%esp)
	jnz	.Lhypercall_iret
	btl	$X86_EFLAGS_IF_BIT, 2*4(%esp)
	jnc	xen_iret_insn

	pushl	%eax
	GET_VCPU_INFO
	movb	$0, %ss:XEN_vcpu_info_mask(%eax)
SYM_INNER_LABEL(xen_iret_crit_start, SYM_L_LOCAL)
	/* Did one come while they were masked? */
	cmpb	$0, %ss:XEN_vcpu_info_pending(%eax)
	jne	.Lpending
	popl	%eax
SYM_INNER_LABEL(xen_iret_insn, SYM_L_LOCAL)
	iret
.Lpending:
	movb	$1, %ss:XEN_vcpu_info_mask(%eax)
SYM_INNER_LABEL(xen_iret_crit_end, SYM_L_LOCAL)
	popl	%eax
	jmp	xen_asm_exc_xen_hypervisor_callback

	/* Stack for the hypercall: %eax, then the frame. */
.Lhypercall_iret:
	andl	$~XEN_EFLAGS_ASYNC, 2*4(%esp)
	pushl	%eax
	movl	$__HYPERVISOR_iret, %eax
	int	$0x82
	ud2

	/*
	 * The frame is a user's bad one.  Natively events would be masked.  Until
	 * they are, the task may move to another CPU.
	 */
.Liret_fault:
#ifdef CONFIG_SMP
	pushl	%fs
	pushl	$(__KERNEL_PERCPU)
	popl	%fs
	movb	$1, PER_CPU_VAR(xen_vcpu_info) + XEN_vcpu_info_mask
.Lpop_fs:
	popl	%fs
.Lpopped_fs:
	_ASM_EXTABLE_TYPE(.Lpop_fs, .Lpopped_fs, EX_TYPE_POP_ZERO|EX_REG_FS)
#else
	movb	$1, %ss:xen_vcpu_info + XEN_vcpu_info_mask
#endif
	jmp	asm_iret_error

	_ASM_EXTABLE(xen_iret_insn, .Liret_fault)
SYM_CODE_END(xen_iret)

/* Events enter here, masked, with a frame as for an interrupt. */
SYM_CODE_START(xen_asm_exc_xen_hypervisor_callback)
.Linner:
	cmpl	$xen_iret_crit_start, (%esp)
	jb	1f
	cmpl	$xen_iret_crit_end, (%esp)
	jae	1f
	testb	$USER_SEGMENT_RPL_MASK, 4(%esp)
	jnz	1f

	/*
	 * Drop the inner frame, and undo the push of %eax.  The failsafe callback
	 * may have interrupted the section, and left by another one.
	 */
	cmpl	$xen_iret_insn, (%esp)
	leal	3*4(%esp), %esp
	je	.Linner
	popl	%eax
	jmp	.Linner
1:
	jmp	asm_exc_xen_hypervisor_callback
SYM_CODE_END(xen_asm_exc_xen_hypervisor_callback)

/*
 * Xen could not load a segment, or a frame, of the context that it was about to
 * return to.  The selectors are on the stack, below the frame.  A segment that
 * is bad becomes null, and the return is tried again from here: if the frame is
 * bad, IRET faults where it is expected to.
 */
SYM_CODE_START(xen_failsafe_callback)
1:	popl	%ds
2:	popl	%es
3:	popl	%fs
4:	popl	%gs
5:	jmp	xen_iret

	_ASM_EXTABLE_TYPE(1b, 2b, EX_TYPE_POP_ZERO|EX_REG_DS)
	_ASM_EXTABLE_TYPE(2b, 3b, EX_TYPE_POP_ZERO|EX_REG_ES)
	_ASM_EXTABLE_TYPE(3b, 4b, EX_TYPE_POP_ZERO|EX_REG_FS)
	_ASM_EXTABLE_TYPE(4b, 5b, EX_TYPE_POP_ZERO|EX_REG_GS)
SYM_CODE_END(xen_failsafe_callback)

SYM_CODE_START(xen_asm_exc_nmi)
	orl	$XEN_EFLAGS_ASYNC, 2*4(%esp)
	jmp	asm_exc_nmi
SYM_CODE_END(xen_asm_exc_nmi)

#ifdef CONFIG_X86_MCE
SYM_CODE_START(xen_asm_exc_machine_check)
	orl	$XEN_EFLAGS_ASYNC, 2*4(%esp)
	jmp	asm_exc_machine_check
SYM_CODE_END(xen_asm_exc_machine_check)
#endif
	.popsection
