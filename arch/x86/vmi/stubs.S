/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations that preserve more than a routine of the ROM does.
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/nospec-branch.h>

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
