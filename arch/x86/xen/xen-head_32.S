/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Start of a 32-bit PV guest, and the ELF notes that only such a guest has.
 * Included by xen-head.S.
 */
#include <asm/segment.h>

	__INIT
/*
 * Entered in ring 1 with paging on: physical memory is mapped at PAGE_OFFSET,
 * the segments are flat ones of Xen, %esi points to start_info, and events are
 * masked.  There is no trap table: an exception ends the domain.
 */
SYM_CODE_START(startup_xen)
	cld

	xorl	%eax, %eax
	movl	$__bss_start, %edi
	movl	$__bss_stop, %ecx
	subl	%edi, %ecx
	shrl	$2, %ecx
	rep stosl

	movl	$__top_init_kernel_stack, %esp
	xorl	%ebp, %ebp
	pushl	%esi
	call	xen_start_kernel
	ud2
SYM_CODE_END(startup_xen)
	__FINIT

#ifdef CONFIG_XEN_PV_SMP
	.pushsection .text, "ax"
/* Where a CPU starts the first time.  The stack is the idle task's. */
SYM_CODE_START(asm_cpu_bringup_and_idle)
	call	cpu_bringup_and_idle
	ud2
SYM_CODE_END(asm_cpu_bringup_and_idle)

/* A CPU that was down goes on here, on stack %eax. */
SYM_CODE_START(xen_cpu_bringup_again)
	movl	%eax, %esp
	call	cpu_bringup_and_idle
	ud2
SYM_CODE_END(xen_cpu_bringup_again)
	.popsection
#endif

	ELFNOTE(Xen, XEN_ELFNOTE_VIRT_BASE,      .long __PAGE_OFFSET)
	/* Xen may take less of the top, but no more. */
	ELFNOTE(Xen, XEN_ELFNOTE_HV_START_LOW,   .long __HYPERVISOR_VIRT_START)
	ELFNOTE(Xen, XEN_ELFNOTE_FEATURES,
		.ascii "!writable_page_tables|pae_pgdir_above_4gb")
