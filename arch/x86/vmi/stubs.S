/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations that preserve more than a routine of the ROM does.
 */
#include <linux/init.h>
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

	.text

/*
 * u64 vmi_call_entry(u32 entry, u32 eax): a near call to one of the entry
 * points in the header, with @eax in %eax.  Boot CPU, interrupts off.
 *
 * After an exception in there the kernel goes on at vmi_entry_failed, with
 * the stack as it was before.  The ROM may have left behind any register; the
 * result is of no use then.
 */
	__INIT
SYM_FUNC_START(vmi_call_entry)
	pushl	%ebp
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	movl	%esp, vmi_entry_esp
	movl	%eax, %ecx
	movl	%edx, %eax
	ANNOTATE_RETPOLINE_SAFE
	call	*%ecx
	/* It should have left these as they were. */
	cli
	cld
.Lreturn:
	movl	$0, vmi_entry_esp
	popl	%edi
	popl	%esi
	popl	%ebx
	popl	%ebp
	RET
SYM_FUNC_END(vmi_call_entry)

SYM_CODE_START(vmi_entry_failed)
	cli
	cld
	movl	$__USER_DS, %ecx
	movl	%ecx, %ds
	movl	%ecx, %es
	movl	$__KERNEL_PERCPU, %ecx
	movl	%ecx, %fs
	movl	vmi_entry_esp, %esp
	jmp	.Lreturn
SYM_CODE_END(vmi_entry_failed)

	__INITDATA
	.align 4
SYM_DATA(vmi_entry_esp, .long 0)

	.text

/* mmu.read_cr2: result in %eax, all other registers preserved */
SYM_FUNC_START(vmi_read_cr2)
	pushl	%ecx
	pushl	%edx
	ANNOTATE_RETPOLINE_SAFE
	call	*vmi_get_cr2_routine
	popl	%edx
	popl	%ecx
	RET
SYM_FUNC_END(vmi_read_cr2)

/*
 * cpu.iret for a ROM that wants to be called: it drops the return address.
 * The data segments are those of the interrupted context.
 */
SYM_CODE_START(vmi_iret_call)
	ANNOTATE_RETPOLINE_SAFE
	call	*%cs:vmi_iret_routine
	ud2
SYM_CODE_END(vmi_iret_call)
