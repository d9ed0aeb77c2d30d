/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PARAVIRT_SITES_H
#define _ASM_X86_PARAVIRT_SITES_H
/*
 * A record of each patched paravirt call site.
 *
 * Alternatives forget what a site was once they have rewritten it.  On i386
 * each site therefore leaves a struct pv_site behind, from which the kernel
 * can tell at any later time what the bytes at that address have to be: see
 * paravirt_audit_sites().  The records of the kernel are init data; those of
 * a module live as long as the module.
 */

/* Call: patched to a direct call, or to a NOP if the operation is one. */
#define PV_SITE_CALL	0
/* Call with a native form, which replaces it if the group is native. */
#define PV_SITE_ALT	1
/* Jump to out-of-line code, a NOP if the group is native. */
#define PV_SITE_BRANCH	2
/* Jump to out-of-line code, the native form if the group is native. */
#define PV_SITE_GOTO	3
/* Call of a stub for these registers, the native form if the group is native. */
#define PV_SITE_STUB	4
/* Test of %al, a "no" unless both cpu and irq are native. */
#define PV_SITE_SYSEXIT	5

#if defined(CONFIG_X86_32) && defined(CONFIG_PARAVIRT_XXL)

#ifndef __ASSEMBLY__
#include <linux/stddef.h>
#include <linux/stringify.h>
#include <linux/types.h>

#include <asm/paravirt_groups.h>

/**
 * struct pv_site - one patched paravirt call site
 * @offset:	distance of the site from this member, in bytes
 * @len:	bytes that patching may rewrite, padding included
 * @kind:	PV_SITE_CALL or one of those below it
 * @op:		slot in pv_ops, counted in pointers; for PV_SITE_BRANCH any
 *		slot of the group
 */
struct pv_site {
	s32	offset;
	u8	len;
	u8	kind;
	u16	op;
} __packed;

extern struct pv_site __pv_sites[], __pv_sites_end[];

/**
 * enum pv_site_state - what a call site was patched to
 * @PV_STATE_NATIVE:	the native instruction; for a branch, the way to it
 * @PV_STATE_DIRECT:	a direct call or jump to the operation
 * @PV_STATE_NOP:	nothing, as the operation is nothing
 * @PV_STATE_INDIRECT:	still the call through pv_ops
 * @PV_STATE_BAD:	none of these, or one that is wrong here
 * @PV_NR_STATES:	number of states
 */
enum pv_site_state {
	PV_STATE_NATIVE,
	PV_STATE_DIRECT,
	PV_STATE_NOP,
	PV_STATE_INDIRECT,
	PV_STATE_BAD,
	PV_NR_STATES
};

/**
 * struct pv_site_counts - how many sites are in which state
 * @n:	by enum pv_group and enum pv_site_state
 */
struct pv_site_counts {
	u32 n[PV_NR_GROUPS][PV_NR_STATES];
};

extern struct pv_site_counts pv_kernel_sites, pv_module_sites;

enum pv_site_state paravirt_audit_site(const struct pv_site *site);
void paravirt_audit_sites(const struct pv_site *start,
			  const struct pv_site *end,
			  struct pv_site_counts *counts);

#define PV_SITE_OP(op)							\
	, [pv_op] "i" (offsetof(struct paravirt_patch_template, op) /	\
		       sizeof(void *))

#define PV_SITE(code, kind)						\
	"797:\n\t"							\
	code "\n"							\
	"798:\n"							\
	".pushsection .pv_sites,\"a\"\n"				\
	" .long 797b - .\n"						\
	" .byte 798b - 797b\n"						\
	" .byte " __stringify(kind) "\n"				\
	" .2byte %c[pv_op]\n"						\
	".popsection\n"

/*
 * Prefixes in front of a native instruction that is shorter than the site.
 * They have no effect on it, and unlike a NOP are no instruction of their own.
 */
#define PV_PAD(n)	".fill " __stringify(n) ", 1, 0x3e; "

/* A site is as long as one instruction, whatever its records look like. */
#define PVOP_ASM	asm_inline

#else /* __ASSEMBLY__ */

.macro PV_SITE_RECORD start:req end:req kind:req op:req
	.pushsection .pv_sites, "a"
	.long \start - .
	.byte \end - \start
	.byte \kind
	.2byte (\op) / 4
	.popsection
.endm

#endif /* __ASSEMBLY__ */

#elif !defined(__ASSEMBLY__)

#define PV_SITE_OP(op)
#define PV_SITE(code, kind)	code
#define PV_PAD(n)		""
#define PVOP_ASM		asm

#endif

#endif /* _ASM_X86_PARAVIRT_SITES_H */
