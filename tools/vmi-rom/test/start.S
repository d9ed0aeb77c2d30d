/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bare-metal guest: multiboot entry, paging, exceptions and the ways into and
 * out of ring 3.
 *
 * Linear layout: low memory at 0xc0000000, the local APIC at 0xfea00000, a
 * page for user mode at 0x08048000. The first 4 MB are mapped by small pages
 * so that there is a table for the ROM to adopt.
 */
#define OFFSET	0xc0000000
#define PA(x)	((x) - OFFSET)

#define CS	0x08
#define DS	0x10

	.section .multiboot, "ax"
	.balign	4
	.long	0x1badb002
	.long	0x00000003
	.long	-(0x1badb002 + 0x00000003)

	.text
	.globl	start
start:
	movl	$PA(boot_stack_end), %esp
	pushl	%ebx
	/* The command line has "pae": a word search is left to C. */
	movl	16(%ebx), %esi
1:	lodsb
	testb	%al, %al
	jz	2f
	cmpb	$'p', %al
	jne	1b
	cmpw	$0x6561, (%esi)
	jne	1b
	movl	$1, PA(pae)
2:
	/* Small pages for the first 4 MB, in both formats */
	movl	$PA(boot_pt), %edi
	movl	$0x003, %eax
	movl	$1024, %ecx
	cmpl	$0, PA(pae)
	jne	4f
3:	movl	%eax, (%edi)
	addl	$4, %edi
	addl	$0x1000, %eax
	loop	3b
	movl	$PA(boot_pt) + 3, PA(boot_pd)
	movl	$PA(boot_pt) + 3, PA(boot_pd) + 0xc00
	/* 4 .. 64 MB in large pages */
	movl	$PA(boot_pd) + 0xc04, %edi
	movl	$0x400083, %eax
	movl	$15, %ecx
5:	movl	%eax, (%edi)
	addl	$4, %edi
	addl	$0x400000, %eax
	loop	5b
	movl	$PA(apic_pt) + 3, PA(boot_pd) + (0xfe800000 >> 20)
	movl	$0xfee0001b, PA(apic_pt) + 0x200 * 4
	movl	$PA(boot_pd), %eax
	movl	$0x10, %edx
	jmp	8f

4:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x1000, %eax
	loop	4b
	movl	$PA(boot_pt) + 3, PA(boot_pd)
	movl	$PA(boot_pt) + 0x1003, PA(boot_pd) + 8
	movl	$PA(boot_pt) + 3, PA(boot_pd) + 0x1000
	movl	$PA(boot_pt) + 0x1003, PA(boot_pd) + 0x1008
	movl	$PA(boot_pd) + 0x1010, %edi
	movl	$0x400083, %eax
	movl	$30, %ecx
6:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x200000, %eax
	loop	6b
	movl	$PA(apic_pt) + 3, PA(boot_pd) + 0x1000 + (0x3ea00000 >> 18)
	movl	$0xfee0001b, PA(apic_pt)
	movl	$PA(boot_pd) + 1, PA(boot_pdpt)
	movl	$PA(boot_pd) + 0x1001, PA(boot_pdpt) + 24
	movl	$PA(boot_pdpt), %eax
	movl	$0x20, %edx

8:	movl	%edx, %cr4
	movl	%eax, %cr3
	movl	%cr0, %eax
	orl	$0x80010020, %eax
	movl	%eax, %cr0
	popl	%ebx
	movl	$1f, %eax
	jmp	*%eax
1:	movl	$boot_stack_end, %esp
	/* No identity mapping from here on. */
	movl	$0, boot_pd
	cmpl	$0, pae
	je	2f
	movl	$0, boot_pd + 8
	movl	$0, boot_pdpt
2:	movl	%cr3, %eax
	movl	%eax, %cr3
	lgdt	gdtr
	ljmp	$CS, $1f
1:	movl	$DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%ecx, %ecx
	movl	%ecx, %fs
	movl	%ecx, %gs
	leal	OFFSET(%ebx), %eax
	call	guest_main
1:	cli
	hlt
	jmp	1b

/*
 * u64 rom_call(struct regs *r): EAX = r. Calls r->eip with the registers and
 * the two stack words of r, stores all registers back. What the ROM must
 * preserve is compared by the caller.
 */
	.globl	rom_call
rom_call:
	pushal
	pushfl
	movl	%eax, call_regs
	movl	%esp, call_esp
	pushl	28(%eax)
	pushl	24(%eax)
	movl	12(%eax), %ebx
	movl	16(%eax), %esi
	movl	20(%eax), %edi
	movl	4(%eax), %edx
	movl	8(%eax), %ecx
	movl	36(%eax), %ebp
	pushl	32(%eax)
	popl	call_eip
	movl	(%eax), %eax
	call	*call_eip
	.globl	rom_call_resume
rom_call_resume:
	movl	%eax, save_eax
	movl	call_regs, %eax
	movl	%edx, 4(%eax)
	movl	%ecx, 8(%eax)
	movl	%ebx, 12(%eax)
	movl	%esi, 16(%eax)
	movl	%edi, 20(%eax)
	movl	%ebp, 36(%eax)
	pushfl
	popl	40(%eax)
	movl	save_eax, %edx
	movl	%edx, (%eax)
	movl	call_esp, %edx
	subl	$8, %edx
	subl	%esp, %edx
	movl	%edx, 44(%eax)
	movl	call_esp, %esp
	popfl
	popal
	ret

/*
 * int enter_user(how, rom_eip, user_eip, user_esp): EAX: 0 IRET, 1 SYSEXIT.
 * Returns what user mode had in EAX at its INT 0x80.
 */
	.globl	enter_user
enter_user:
	pushal
	pushfl
	movl	%esp, user_return
	movl	%edx, %ebx
	movl	40(%esp), %edx
	testl	%eax, %eax
	jnz	1f
	pushl	$0x23
	pushl	%edx
	pushl	user_flags
	pushl	$0x1b
	pushl	%ecx
	movl	$0x5a5a0001, %eax
	jmp	*%ebx
1:	xchgl	%ecx, %edx
	movl	$0x5a5a0001, %eax
	jmp	*%ebx

	.globl	vector_128
vector_128:
	movl	$DS, %ecx
	movl	%ecx, %ds
	movl	%ecx, %es
	movl	%eax, user_result
	movl	%esp, user_stack_seen
	movl	4(%esp), %eax
	movl	%eax, user_cs_seen
	movl	8(%esp), %eax
	movl	%eax, user_flags_seen
	movl	user_return, %esp
	popfl
	popal
	movl	user_result, %eax
	ret

/* IRET through the ROM within the kernel: EAX = address of the ROM call */
	.globl	iret_kernel
iret_kernel:
	pushfl
	pushl	%cs
	pushl	$1f
	jmp	*%eax
1:	ret

/* The same through a CALL: the ROM has to skip the return address. */
	.globl	iret_called
iret_called:
	pushfl
	pushl	%cs
	pushl	$1f
	call	*%eax
	ud2
1:	ret

/* Selector 0x7f8 is in no table. */
	.globl	fault_here
fault_here:
	ljmp	$0x7f8, $fault_here

/* Copied to the user page */
	.globl	user_code, user_code_end
user_code:
	incl	%eax
	int	$0x80
	ud2
user_code_end:

/* AP: EAX, EBX and EDI carry what the state said. */
	.globl	ap_start
ap_start:
	movl	%eax, ap_eax
	movl	%ebx, ap_ebx
	movl	%edi, ap_edi
	movl	%esp, ap_esp
	call	ap_main
1:	cli
	hlt
	jmp	1b

/* Exceptions and interrupts: vector, error code, registers */
	.altmacro
.macro vector nr
	.balign	16
vec_\nr:
	.if	\nr == 8 || (\nr >= 10 && \nr <= 14) || \nr == 17
	.else
	pushl	$0
	.endif
	pushl	$\nr
	jmp	common
.endm
	.balign	16
	.globl	vectors
vectors:
	.set	i, 0
	.rept	64
	vector	%i
	.set	i, i + 1
	.endr

common:
	pushal
	pushl	%ds
	pushl	%es
	movl	$DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%esp, %eax
	call	on_vector
	popl	%es
	popl	%ds
	popal
	addl	$8, %esp
	iret

	.data
	.balign	4
	.globl	pae, gdt, gdtr, user_flags
pae:
	.long	0
user_flags:
	.long	0x202
gdtr:
	.word	gdt_end - gdt - 1
	.long	gdt
call_regs:
	.long	0
call_eip:
	.long	0
	.globl	call_esp
call_esp:
	.long	0
save_eax:
	.long	0
user_return:
	.long	0
user_result:
	.long	0
	.globl	user_stack_seen, user_cs_seen, user_flags_seen
user_stack_seen:
	.long	0
user_cs_seen:
	.long	0
user_flags_seen:
	.long	0
	.globl	ap_eax, ap_ebx, ap_edi, ap_esp
ap_eax:
	.long	0
ap_ebx:
	.long	0
ap_edi:
	.long	0
ap_esp:
	.long	0
	.balign	4096
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
	.quad	0x00cffb000000ffff
	.quad	0x00cff3000000ffff
	.quad	0
	.quad	0
	.quad	0
gdt_end:
	.balign	4096

	.bss
	.balign	4096
	.globl	boot_pd, boot_pt, boot_pdpt, apic_pt
boot_pd:
	.skip	0x2000
boot_pt:
	.skip	0x2000
apic_pt:
	.skip	0x1000
boot_pdpt:
	.skip	0x1000
boot_stack:
	.skip	0x4000
boot_stack_end:
