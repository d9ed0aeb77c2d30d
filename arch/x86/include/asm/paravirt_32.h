/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PARAVIRT_32_H
#define _ASM_X86_PARAVIRT_32_H

#ifdef CONFIG_X86_PAE
#include <asm/pgtable-invert.h>
#endif

/*
 * The i386 half of asm/paravirt.h, which is the only file to include it.
 *
 * On bare metal an operation has to cost what it costs in a kernel without
 * paravirt_ops.  Five kinds of call site see to that:
 *
 *  - The native instruction is patched in, widened with prefixes to the size
 *    of the call that it replaces: interrupt flag, control registers.  The
 *    operation preserves every register but its result.
 *
 *  - The same, where operand and result are in whatever registers the compiler
 *    likes: the call goes to a stub made for these registers, see
 *    paravirt_stubs_32.S.
 *
 *  - The native instructions are patched in over a jump to a call that is out
 *    of line.  They may have operands in memory, but no result.
 *
 *  - pv_mmu_hooked() or pv_cpu_hooked() decides between inline C and a call
 *    that is out of line.  It is one NOP on bare metal, forces no operand into
 *    a register, and serves operations that are nothing natively, or too
 *    long for a site.
 *
 *  - A plain call, for operations that are calls without paravirt_ops too, or
 *    rare.
 *
 * All of them are asm_inline: a function is not to be called instead of inlined
 * because its sites have long records.
 *
 * Until alternatives have run each of them goes through pv_ops, whose
 * operations are valid from the first instruction of the kernel on.
 */

/*
 * pv_<group>_hooked() - does a backend own the inlined operations of a group?
 *
 * Any context.  Returns true until alternatives are applied: the slots of
 * pv_ops hold native operations where no backend has put its own.
 */
#define PV_DEFINE_HOOKED(group, ALT, slot)				\
static __always_inline bool pv_##group##_hooked(void)			\
{									\
	asm_inline goto(PV_SITE(ALTERNATIVE("jmp %l[hooked]", "", ALT),	\
			 PV_SITE_BRANCH)				\
		 : : "i" (0) PV_SITE_OP(group.slot) : : hooked);	\
	return false;							\
hooked:									\
	return true;							\
}

PV_DEFINE_HOOKED(cpu, ALT_NATIVE_CPU, start_context_switch)
PV_DEFINE_HOOKED(mmu, ALT_NATIVE_MMU, set_pte)
#define pv_mmu_hooked pv_mmu_hooked

/* An operation that preserves all registers but those in @out. */
#define PVOP_INLINE(op, alt, cond, out, ...)				\
	asm_inline volatile(PV_SITE(ALTERNATIVE_2(PARAVIRT_CALL,		\
				 ALT_CALL_INSTR, ALT_CALL_ALWAYS,	\
				 alt, cond), PV_SITE_ALT)		\
		     : out						\
		     : paravirt_ptr(op.func), ##__VA_ARGS__		\
		     : "memory", "cc")

/* The same, with the result in any register. */
#define PVOP_RESULT(op, stub, alt, cond, out)				\
	asm_inline volatile(PV_SITE(ALTERNATIVE("call " stub "_%V[res]",	\
						alt, cond), PV_SITE_STUB)	\
		     : [res] "=r" (out), ASM_CALL_CONSTRAINT		\
		     : "i" (0) PV_SITE_OP(op)				\
		     : "memory", "cc")

static __always_inline unsigned long arch_local_save_flags(void)
{
	unsigned long flags;

	PVOP_RESULT(irq.save_fl, "pv_save_fl",
		    PV_PAD(1) "pushf; " PV_PAD(2) "pop %[res]",
		    ALT_NATIVE_IRQ, flags);
	return flags;
}

static __always_inline void arch_local_irq_disable(void)
{
	PVOP_INLINE(irq.irq_disable, PV_PAD(5) "cli", ALT_NATIVE_IRQ,
		    ASM_CALL_CONSTRAINT);
}

static __always_inline void arch_local_irq_enable(void)
{
	PVOP_INLINE(irq.irq_enable, PV_PAD(5) "sti", ALT_NATIVE_IRQ,
		    ASM_CALL_CONSTRAINT);
}

static __always_inline unsigned long arch_local_irq_save(void)
{
	unsigned long flags = arch_local_save_flags();

	arch_local_irq_disable();
	return flags;
}

static inline unsigned long read_cr0(void)
{
	return PVOP_ALT_CALL0(unsigned long, cpu.read_cr0,
			      PV_PAD(3) "mov %%cr0, %%eax", ALT_NATIVE_CPU);
}

static __always_inline unsigned long read_cr2(void)
{
	unsigned long cr2;

	PVOP_RESULT(mmu.read_cr2, "pv_read_cr2", PV_PAD(2) "mov %%cr2, %[res]",
		    ALT_NATIVE_MMU, cr2);
	return cr2;
}

static inline void write_cr2(unsigned long x)
{
	PVOP_ALT_VCALL1(mmu.write_cr2, x, PV_PAD(3) "mov %%eax, %%cr2",
			ALT_NATIVE_MMU);
}

static inline unsigned long __read_cr3(void)
{
	return PVOP_ALT_CALL0(unsigned long, mmu.read_cr3,
			      PV_PAD(3) "mov %%cr3, %%eax", ALT_NATIVE_MMU);
}

static inline void write_cr3(unsigned long x)
{
	PVOP_ALT_VCALL1(mmu.write_cr3, x, PV_PAD(3) "mov %%eax, %%cr3",
			ALT_NATIVE_MMU);
}

/*
 * The conversions are functions of their argument as far as the compiler is
 * concerned, so that it may drop and merge them.
 */
#ifdef CONFIG_X86_PAE
#define PVOP_CONVERT(op, v)						\
	({								\
		u64 __v = (v);						\
		asm_inline(PV_SITE(ALTERNATIVE(PARAVIRT_CALL, ALT_CALL_INSTR,	\
					ALT_CALL_ALWAYS), PV_SITE_CALL)	\
		    : "+A" (__v), ASM_CALL_CONSTRAINT			\
		    : paravirt_ptr(op.func)				\
		    : "cc");						\
		__v;							\
	})
#else
#define PVOP_CONVERT(op, v)						\
	({								\
		u32 __v = (v);						\
		asm_inline(PV_SITE(ALTERNATIVE(PARAVIRT_CALL, ALT_CALL_INSTR,	\
					ALT_CALL_ALWAYS), PV_SITE_CALL)	\
		    : "+a" (__v), ASM_CALL_CONSTRAINT			\
		    : paravirt_ptr(op.func)				\
		    : "edx", "cc");					\
		__v;							\
	})
#endif

/*
 * What most callers want of an entry is the frame, and natively that is an
 * instruction of its own, which a site can hold.
 */
#ifdef CONFIG_X86_PAE
#define PV_STUB(name)		"call pv_" name "_%V[lo]_%V[hi]"
#define PV_PFN_INSN		PV_PAD(1) "shrd $12, %[hi], %[lo]"
#define PV_ENTRY_HI(v)		, [hi] "r" (PVOP_HI(v))
#define PV_MIDDLE_VAL		mmu.pmd_val
#else
#define PV_STUB(name)		"call pv_" name "_%V[lo]"
#define PV_PFN_INSN		PV_PAD(2) "shr $12, %[lo]"
#define PV_ENTRY_HI(v)
#define PV_MIDDLE_VAL		mmu.pgd_val
#endif
#define PV_TABLE_INSN		"and $0xfffff000, %[lo]"

#define PVOP_FRAME(op, name, insn, v)					\
	({								\
		unsigned long __lo = (v);				\
		asm_inline(PV_SITE(ALTERNATIVE(PV_STUB(name), insn,	\
					ALT_NATIVE_MMU), PV_SITE_STUB)	\
		    : [lo] "+r" (__lo), ASM_CALL_CONSTRAINT		\
		    : "i" (0) PV_ENTRY_HI(v) PV_SITE_OP(op)		\
		    : "cc");						\
		__lo;							\
	})

/* Inverted frames are not converted, as such an entry is not present. */
#ifdef CONFIG_X86_PAE
#define PV_UNINVERT(v)							\
	(unlikely(__pte_needs_invert(v)) ? ~(v) & PTE_PFN_MASK : (v))
#else
#define PV_UNINVERT(v)		(v)
#endif

#define pv_pte_pfn pv_pte_pfn
static __always_inline unsigned long pv_pte_pfn(pte_t pte)
{
	pteval_t v = PV_UNINVERT(native_pte_val(pte));

	return PVOP_FRAME(mmu.pte_val, "pte_pfn", PV_PFN_INSN, v);
}

#define pv_pmd_pfn pv_pmd_pfn
static __always_inline unsigned long pv_pmd_pfn(pmd_t pmd)
{
	pmdval_t v = PV_UNINVERT(native_pmd_val(pmd));
	unsigned long pfn = PVOP_FRAME(PV_MIDDLE_VAL, "pmd_pfn", PV_PFN_INSN, v);

	if (native_pmd_val(pmd) & _PAGE_PSE)
		pfn &= ~((PMD_SIZE >> PAGE_SHIFT) - 1);
	return pfn;
}

/* Page tables are below 4 GB. */
#define pv_pmd_table pv_pmd_table
static __always_inline unsigned long pv_pmd_table(pmd_t pmd)
{
	pmdval_t v = native_pmd_val(pmd);
	unsigned long pa = PVOP_FRAME(PV_MIDDLE_VAL, "pmd_table", PV_TABLE_INSN,
				      v);

	if (v & _PAGE_PSE)
		pa &= PMD_MASK;
	return pa;
}

#ifdef CONFIG_X86_PAE
#define pv_pud_table pv_pud_table
static __always_inline unsigned long pv_pud_table(pud_t pud)
{
	return PVOP_FRAME(mmu.pgd_val, "pud_table", PV_TABLE_INSN,
			  native_pud_val(pud));
}
#endif

#define PV_DEFINE_ENTRY(lvl, rd, mk)					\
static __always_inline lvl##val_t pv_##rd(lvl##_t e)			\
{									\
	return PVOP_CONVERT(mmu.rd, native_##rd(e));			\
}									\
									\
static __always_inline lvl##_t pv_##mk(lvl##val_t v)			\
{									\
	return native_##mk(PVOP_CONVERT(mmu.mk, v));			\
}									\
									\
static __always_inline lvl##val_t rd(lvl##_t e)				\
{									\
	return unlikely(pv_mmu_hooked()) ? pv_##rd(e) : native_##rd(e);	\
}									\
									\
static __always_inline lvl##_t __##lvl(lvl##val_t v)			\
{									\
	return unlikely(pv_mmu_hooked()) ? pv_##mk(v) : native_##mk(v);	\
}

PV_DEFINE_ENTRY(pte, pte_val, make_pte)
PV_DEFINE_ENTRY(pgd, pgd_val, make_pgd)
#if CONFIG_PGTABLE_LEVELS >= 3
PV_DEFINE_ENTRY(pmd, pmd_val, make_pmd)
#endif

/* An @entry, which is a structure, and what is in it */
#ifdef CONFIG_X86_PAE
#define PVOP_VCALL_ENTRY(op, ptr, entry, v)				\
	({	PVOP_TAKES(op, ptr, entry);				\
		__PVOP_VCALL(op, PVOP_CALL_ARG1(ptr),			\
			     PVOP_CALL_ARG2(PVOP_LO(v)),		\
			     PVOP_CALL_ARG3(PVOP_HI(v))); })
#else
#define PVOP_VCALL_ENTRY(op, ptr, entry, v)				\
	({	PVOP_TAKES(op, ptr, entry);				\
		__PVOP_VCALL(op, PVOP_CALL_ARG1(ptr),			\
			     PVOP_CALL_ARG2(v)); })
#endif

#ifdef CONFIG_X86_PAE
void __pv_set_pte(pte_t *ptep, u32 lo, u32 hi);

/* The high half first: the low one has the present bit. */
#define PV_SET_PTE_INSNS	"movl %[hi], %[pte_high]; "		\
				"movl %[lo], %[pte_low]"
#define PV_SET_PTE_HIGH(ptep, v)					\
	, [hi] "ri" (PVOP_HI(v)), [pte_high] "m" ((ptep)->pte_high)
#else
void __pv_set_pte(pte_t *ptep, u32 lo);

#define PV_SET_PTE_INSNS	PV_PAD(3) "movl %[lo], %[pte_low]"
#define PV_SET_PTE_HIGH(ptep, v)
#endif

static inline void pv_set_pte(pte_t *ptep, pte_t pte)
{
#ifdef CONFIG_X86_PAE
	__pv_set_pte(ptep, pte.pte_low, pte.pte_high);
#else
	__pv_set_pte(ptep, pte.pte_low);
#endif
}

/* native_set_pte(), or go to @hooked */
#define PVOP_SET_PTE(op, ptep, v, hooked)				\
	asm_inline goto(PV_SITE(ALTERNATIVE("jmp %l[" #hooked "]",	\
					    PV_SET_PTE_INSNS,		\
					    ALT_NATIVE_MMU), PV_SITE_GOTO) \
		 : : [lo] "ri" (PVOP_LO(v)),				\
		     [pte_low] "m" ((ptep)->pte_low)			\
		     PV_SET_PTE_HIGH(ptep, v) PV_SITE_OP(op)		\
		 : "memory" : hooked)

static __always_inline void set_pte(pte_t *ptep, pte_t pte)
{
	PVOP_SET_PTE(mmu.set_pte, ptep, native_pte_val(pte), hooked);
	return;
hooked:
	pv_set_pte(ptep, pte);
}

static inline void pv_pte_clear(struct mm_struct *mm, unsigned long addr,
				pte_t *ptep)
{
	PVOP_VCALL3(mmu.pte_clear, mm, addr, ptep);
}

static inline void pv_pmd_clear(pmd_t *pmdp)
{
	PVOP_VCALL1(mmu.pmd_clear, pmdp);
}

/* Macros, as the native halves are defined further down the line. */
#define PV_OR_NATIVE(op, ...)						\
	do {								\
		if (unlikely(pv_mmu_hooked()))				\
			pv_##op(__VA_ARGS__);				\
		else							\
			native_##op(__VA_ARGS__);			\
	} while (0)

#define pte_clear(mm, addr, ptep)	PV_OR_NATIVE(pte_clear, mm, addr, ptep)
#define pmd_clear(pmdp)			PV_OR_NATIVE(pmd_clear, pmdp)

/* Unlike set_pte(), good for a present entry that another CPU may use. */
static inline void set_pte_atomic(pte_t *ptep, pte_t pte)
{
	PVOP_VCALL_ENTRY(mmu.set_pte_atomic, ptep, pte, native_pte_val(pte));
}

static inline void pv_set_pmd(pmd_t *pmdp, pmd_t pmd)
{
	PVOP_VCALL_ENTRY(mmu.set_pmd, pmdp, pmd, native_pmd_val(pmd));
}

#define set_pmd(pmdp, pmd)		PV_OR_NATIVE(set_pmd, pmdp, pmd)

#if CONFIG_PGTABLE_LEVELS >= 3
static inline void pv_set_pud(pud_t *pudp, pud_t pud)
{
	PVOP_VCALL_ENTRY(mmu.set_pud, pudp, pud, native_pud_val(pud));
}

#define set_pud(pudp, pud)		PV_OR_NATIVE(set_pud, pudp, pud)
#endif

/* Entries that CPUs may be setting accessed and dirty bits of */
static inline pte_t pv_ptep_get_and_clear(struct mm_struct *mm,
					  unsigned long addr, pte_t *ptep)
{
	pteval_t v = PVOP_CALL3(pteval_t, mmu.ptep_get_and_clear, mm, addr,
				ptep);

	return native_make_pte(v);
}

static inline void pv_ptep_set_wrprotect(struct mm_struct *mm,
					 unsigned long addr, pte_t *ptep)
{
	PVOP_VCALL3(mmu.ptep_set_wrprotect, mm, addr, ptep);
}

static inline int pv_ptep_test_and_clear_young(struct vm_area_struct *vma,
					       unsigned long addr, pte_t *ptep)
{
	return PVOP_CALL3(int, mmu.ptep_test_and_clear_young, vma, addr, ptep);
}

#define arch_ptep_get_and_clear(mm, addr, ptep)				\
	(unlikely(pv_mmu_hooked()) ?					\
	 pv_ptep_get_and_clear(mm, addr, ptep) :			\
	 native_ptep_get_and_clear(ptep))
#define arch_ptep_set_wrprotect(mm, addr, ptep)				\
	PV_OR_NATIVE(ptep_set_wrprotect, mm, addr, ptep)
#define arch_ptep_test_and_clear_young(vma, addr, ptep)			\
	(unlikely(pv_mmu_hooked()) ?					\
	 pv_ptep_test_and_clear_young(vma, addr, ptep) :		\
	 native_ptep_test_and_clear_young(vma, addr, ptep))

/* The pair that brackets a change of protection. */
static inline pte_t pv_modify_prot_start(struct vm_area_struct *vma,
					 unsigned long addr, pte_t *ptep)
{
	pteval_t v = PVOP_CALL3(pteval_t, mmu.ptep_modify_prot_start, vma,
				addr, ptep);

	return native_make_pte(v);
}

static inline void pv_modify_prot_commit(struct vm_area_struct *vma,
					 unsigned long addr, pte_t *ptep,
					 pte_t pte)
{
	PVOP_TAKES(mmu.ptep_modify_prot_commit, vma, addr, ptep, pte);
#ifdef CONFIG_X86_PAE
	__PVOP_VCALL5(mmu.ptep_modify_prot_commit, vma, addr, ptep,
		      PVOP_LO(pte.pte), PVOP_HI(pte.pte));
#else
	__PVOP_VCALL4(mmu.ptep_modify_prot_commit, vma, addr, ptep, pte.pte);
#endif
}

#define __HAVE_ARCH_PTEP_MODIFY_PROT_TRANSACTION
#define ptep_modify_prot_start(vma, addr, ptep)				\
	(unlikely(pv_mmu_hooked()) ?					\
	 pv_modify_prot_start(vma, addr, ptep) :			\
	 __ptep_modify_prot_start(vma, addr, ptep))
static __always_inline void
pv_or_native_modify_prot_commit(struct vm_area_struct *vma, unsigned long addr,
				pte_t *ptep, pte_t pte)
{
	PVOP_SET_PTE(mmu.ptep_modify_prot_commit, ptep, native_pte_val(pte),
		     hooked);
	return;
hooked:
	pv_modify_prot_commit(vma, addr, ptep, pte);
}

#define ptep_modify_prot_commit(vma, addr, ptep, old_pte, pte)		\
	do {								\
		page_table_check_ptes_set((vma)->vm_mm, ptep, pte, 1);	\
		pv_or_native_modify_prot_commit(vma, addr, ptep, pte);	\
	} while (0)

static inline void __set_fixmap(unsigned int idx, phys_addr_t phys,
				pgprot_t flags)
{
	PVOP_TAKES(mmu.set_fixmap, idx, phys, flags);
#ifdef CONFIG_X86_PAE
	__PVOP_VCALL5(mmu.set_fixmap, idx, PVOP_LO(phys), PVOP_HI(phys),
		      PVOP_LO(pgprot_val(flags)), PVOP_HI(pgprot_val(flags)));
#else
	__PVOP_VCALL(mmu.set_fixmap, PVOP_CALL_ARG1(idx), PVOP_CALL_ARG2(phys),
		     PVOP_CALL_ARG3(pgprot_val(flags)));
#endif
}

static __always_inline void paravirt_enter_mmap(struct mm_struct *next)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL1(mmu.enter_mmap, next);
}

static __always_inline int paravirt_pgd_alloc(struct mm_struct *mm)
{
	if (unlikely(pv_mmu_hooked()))
		return PVOP_CALL1(int, mmu.pgd_alloc, mm);
	return 0;
}

static __always_inline void paravirt_pgd_free(struct mm_struct *mm, pgd_t *pgd)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL2(mmu.pgd_free, mm, pgd);
}

static __always_inline void paravirt_alloc_pte(struct mm_struct *mm,
					       unsigned long pfn)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL2(mmu.alloc_pte, mm, pfn);
}

static __always_inline void paravirt_release_pte(unsigned long pfn)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL1(mmu.release_pte, pfn);
}

static __always_inline void paravirt_alloc_pmd(struct mm_struct *mm,
					       unsigned long pfn)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL2(mmu.alloc_pmd, mm, pfn);
}

static __always_inline void paravirt_release_pmd(unsigned long pfn)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL1(mmu.release_pmd, pfn);
}

static inline void pv_load_tls(struct thread_struct *t, unsigned int cpu)
{
	PVOP_VCALL2(cpu.load_tls, t, cpu);
}

#define load_TLS(t, cpu)						\
	do {								\
		if (unlikely(pv_cpu_hooked()))				\
			pv_load_tls(t, cpu);				\
		else							\
			native_load_tls(t, cpu);			\
	} while (0)

#define __HAVE_ARCH_START_CONTEXT_SWITCH
static __always_inline void arch_start_context_switch(struct task_struct *prev)
{
	if (unlikely(pv_cpu_hooked()))
		PVOP_VCALL1(cpu.start_context_switch, prev);
}

static __always_inline void arch_end_context_switch(struct task_struct *next)
{
	if (unlikely(pv_cpu_hooked()))
		PVOP_VCALL1(cpu.end_context_switch, next);
}

#define __HAVE_ARCH_ENTER_LAZY_MMU_MODE
static __always_inline void arch_enter_lazy_mmu_mode(void)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL0(mmu.lazy_mode.enter);
}

static __always_inline void arch_leave_lazy_mmu_mode(void)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL0(mmu.lazy_mode.leave);
}

static __always_inline void arch_flush_lazy_mmu_mode(void)
{
	if (unlikely(pv_mmu_hooked()))
		PVOP_VCALL0(mmu.lazy_mode.flush);
}

#undef PVOP_INLINE
#undef PVOP_RESULT
#undef PVOP_CONVERT
#undef PVOP_VCALL_ENTRY
#undef PVOP_SET_PTE
#undef PV_DEFINE_ENTRY
#undef PV_DEFINE_HOOKED

#endif /* _ASM_X86_PARAVIRT_32_H */
