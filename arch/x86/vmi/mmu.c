// SPDX-License-Identifier: GPL-2.0
/*
 * Guest of a VMI option ROM: the group "mmu".
 *
 * Each page table is registered before it is linked and released after it is
 * not; in between, every change to it goes through a call, or is announced by
 * one if the kernel made it atomically itself.  The top-level table of PAE is
 * a part of a page, and is not registered.
 *
 * An update may be deferred only in lazy MMU mode, and only if it is for the
 * address space in use, so that leaving the mode makes it visible.  Interrupts
 * see to it that theirs are not.
 */
#include <linux/bitops.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/thread_info.h>

#include <asm/paravirt_groups.h>
#include <asm/tlbflush.h>

#include "vmi.h"

VMI_DECLARE_CALL(set_pte, void, u32 val, void *entry, u32 flags);
VMI_DECLARE_CALL(set_pte_long, void, u32 lo, u32 hi, void *entry, u32 flags);
VMI_DECLARE_CALL(update_pte, void, void *entry, u32 flags);
VMI_DECLARE_CALL(alloc_page, void, u32 pfn, u32 flags, u32 source, u32 first,
		 u32 n);
VMI_DECLARE_CALL(release_page, void, u32 pfn, u32 flags);
VMI_DECLARE_CALL(flush_tlb, void, u32 flags);
VMI_DECLARE_CALL(linear_mapping, void, u32 slot, unsigned long addr, u32 pages,
		 u32 pfn);
VMI_DECLARE_CALL(lazy_mode, void, u32 mode);

VMI_DEFINE_CALL(set_pte);
VMI_DEFINE_CALL(set_pte_long);
VMI_DEFINE_CALL(update_pte);
VMI_DEFINE_CALL(alloc_page);
VMI_DEFINE_CALL(release_page);
VMI_DEFINE_CALL(flush_tlb);
VMI_DEFINE_CALL(linear_mapping);
VMI_DEFINE_CALL(lazy_mode);

vmi_fn vmi_get_cr2_routine __ro_after_init;

/* Page tables are what the ROM is told about. */
static bool vmi_owns_tables __ro_after_init;

static DEFINE_PER_CPU(u32, vmi_lazy);

#define VMI_PAGE_WIDTH	(IS_ENABLED(CONFIG_X86_PAE) ? VMI_PAGE_PAE : 0)

/*
 * What each page of the direct mapping is registered as: page table, or page
 * directory.  A pointer to an entry tells the level of it by these.
 */
#define VMI_LOW_PAGES	(-__PAGE_OFFSET >> PAGE_SHIFT)

static DECLARE_BITMAP(vmi_is_pt, VMI_LOW_PAGES);
static DECLARE_BITMAP(vmi_is_pd, VMI_LOW_PAGES);

static unsigned int vmi_page_of(const void *entry)
{
	return ((unsigned long)entry - PAGE_OFFSET) >> PAGE_SHIFT;
}

/* Of an entry that its type says is one of a page table, which it may not be */
static u32 vmi_level(const void *entry)
{
	return test_bit(vmi_page_of(entry), vmi_is_pd) ? VMI_PAGE_PD :
							 VMI_PAGE_PT;
}

static bool vmi_may_defer(void)
{
	return !in_interrupt() && this_cpu_read(vmi_lazy) == VMI_LAZY_MMU;
}

/* Flags for an entry that maps @addr in @mm */
static u32 vmi_flags_at(struct mm_struct *mm, unsigned long addr,
			const void *entry)
{
	u32 flags = vmi_level(entry);

	if (flags != VMI_PAGE_PT ||
	    !test_bit(vmi_page_of(entry), vmi_is_pt) ||
	    this_cpu_read(cpu_tlbstate.loaded_mm) != mm || mm == &init_mm)
		return flags;

	flags |= VMI_UPDATE_CURRENT_AS | (addr & PAGE_MASK);
	if (vmi_may_defer())
		flags |= VMI_UPDATE_DEFER;
	return flags;
}

#ifdef CONFIG_X86_PAE
static void vmi_store(void *entry, pteval_t val, u32 flags)
{
	vmi_call(set_pte_long, (u32)val, val >> 32, entry, flags);
}
#else
static void vmi_store(void *entry, pteval_t val, u32 flags)
{
	vmi_call(set_pte, val, entry, flags);
}
#endif

static void vmi_set_pte(pte_t *ptep, pte_t pte)
{
	vmi_store(ptep, native_pte_val(pte), vmi_level(ptep));
}

/* An exchange keeps what the CPU sets in a present entry meanwhile. */
static void vmi_set_pte_atomic(pte_t *ptep, pte_t pte)
{
	native_set_pte_atomic(ptep, pte);
	vmi_call(update_pte, ptep, vmi_level(ptep));
}

static void vmi_set_pmd(pmd_t *pmdp, pmd_t pmd)
{
	vmi_store(pmdp, native_pmd_val(pmd), VMI_PAGE_PD);
}

#ifdef CONFIG_X86_PAE
static void vmi_set_pud(pud_t *pudp, pud_t pud)
{
	vmi_store(pudp, native_pud_val(pud), VMI_PAGE_PDP);
}
#endif

static void vmi_pte_clear(struct mm_struct *mm, unsigned long addr,
			  pte_t *ptep)
{
	vmi_store(ptep, 0, vmi_flags_at(mm, addr, ptep));
}

static void vmi_pmd_clear(pmd_t *pmdp)
{
	vmi_store(pmdp, 0, VMI_PAGE_PD);
}

static void vmi_pte_update(struct mm_struct *mm, unsigned long addr,
			   pte_t *ptep)
{
	vmi_call(update_pte, ptep, vmi_flags_at(mm, addr, ptep));
}

static pte_t vmi_ptep_get_and_clear(struct mm_struct *mm, unsigned long addr,
				    pte_t *ptep)
{
	pte_t old = native_ptep_get_and_clear(ptep);

	vmi_pte_update(mm, addr, ptep);
	return old;
}

static void vmi_ptep_set_wrprotect(struct mm_struct *mm, unsigned long addr,
				   pte_t *ptep)
{
	native_ptep_set_wrprotect(mm, addr, ptep);
	vmi_pte_update(mm, addr, ptep);
}

static int vmi_ptep_test_and_clear_young(struct vm_area_struct *vma,
					 unsigned long addr, pte_t *ptep)
{
	int young = native_ptep_test_and_clear_young(vma, addr, ptep);

	if (young)
		vmi_pte_update(vma->vm_mm, addr, ptep);
	return young;
}

/*
 * The entry stays as it is until its new value is known, which takes over what
 * a CPU has set meanwhile: one call instead of two.  That goes for entries that
 * only hide their page (PROT_NONE), too.
 */
static pte_t vmi_modify_prot_start(struct vm_area_struct *vma,
				   unsigned long addr, pte_t *ptep)
{
	return ptep_get(ptep);
}

static void vmi_modify_prot_commit(struct vm_area_struct *vma,
				   unsigned long addr, pte_t *ptep, pte_t pte)
{
	pteval_t old = READ_ONCE(ptep->pte), new;

	do {
		new = native_pte_val(pte);
		if (new & (_PAGE_PRESENT | _PAGE_PROTNONE))
			new |= old & (_PAGE_ACCESSED | _PAGE_DIRTY);
#ifdef CONFIG_X86_PAE
	} while (!try_cmpxchg64(&ptep->pte, &old, new));
#else
	} while (!try_cmpxchg(&ptep->pte_low, &old, new));
#endif
	vmi_pte_update(vma->vm_mm, addr, ptep);
}

/* Registration */

static void vmi_register(u32 pfn, u32 flags)
{
	vmi_call(alloc_page, pfn, flags | VMI_PAGE_WIDTH, 0, 0, 0);
}

/* The page table of a huge page is deposited, and comes here once again. */
static void vmi_alloc_pte(struct mm_struct *mm, unsigned long pfn)
{
	if (!test_and_set_bit(pfn, vmi_is_pt))
		vmi_register(pfn, VMI_PAGE_PT);
}

static void vmi_release_pte(unsigned long pfn)
{
	if (test_and_clear_bit(pfn, vmi_is_pt))
		vmi_call(release_page, pfn, VMI_PAGE_PT | VMI_PAGE_WIDTH);
}

static void vmi_alloc_pmd(struct mm_struct *mm, unsigned long pfn)
{
	if (!test_and_set_bit(pfn, vmi_is_pd))
		vmi_register(pfn, VMI_PAGE_PD);
}

static void vmi_release_pmd(unsigned long pfn)
{
	if (test_and_clear_bit(pfn, vmi_is_pd))
		vmi_call(release_page, pfn, VMI_PAGE_PD | VMI_PAGE_WIDTH);
}

#ifndef CONFIG_X86_PAE
/*
 * Before the directory is loaded for the first time, and after the kernel's
 * part of it was copied; whatever comes later comes as a call.
 */
static void vmi_enter_mmap(struct mm_struct *mm)
{
	vmi_alloc_pmd(mm, PFN_DOWN(__pa(mm->pgd)));
}

static void vmi_pgd_free(struct mm_struct *mm, pgd_t *pgd)
{
	vmi_release_pmd(PFN_DOWN(__pa(pgd)));
}
#endif

/* What the boot code has made, lowest level first */
static void __init vmi_register_directory(pmd_t *pmd)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_PMD * (PAGE_SIZE / sizeof(*pmd) /
					PTRS_PER_PMD); i++)
		if (pmd_present(pmd[i]) && !pmd_leaf(pmd[i]))
			vmi_alloc_pte(&init_mm, pmd_pfn(pmd[i]));
	vmi_alloc_pmd(&init_mm, PFN_DOWN(__pa(pmd)));
}

static void __init vmi_register_boot_tables(void)
{
	unsigned int i;

	if (!IS_ENABLED(CONFIG_X86_PAE)) {
		vmi_register_directory((pmd_t *)swapper_pg_dir);
		return;
	}
	for (i = 0; i < PTRS_PER_PGD; i++)
		if (pgd_val(swapper_pg_dir[i]) & _PAGE_PRESENT)
			vmi_register_directory((pmd_t *)
				pgd_page_vaddr(swapper_pg_dir[i]));
}

/* TLB flushes, each a flush point */

static void vmi_flush_tlb_user(void)
{
	vmi_call(flush_tlb, VMI_FLUSH_TLB);
}

static void vmi_flush_tlb_kernel(void)
{
	vmi_call(flush_tlb, VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL);
}

/* Lazy modes */

/*
 * The ROM and the kernel have to mean the same CPU, and an interrupt that sends
 * an IPI must not find them at odds.
 */
static void vmi_set_lazy_mmu(u32 mode)
{
	unsigned long flags;

	local_irq_save(flags);
	vmi_call(lazy_mode, mode);
	this_cpu_write(vmi_lazy, mode);
	local_irq_restore(flags);
}

static void vmi_enter_lazy_mmu(void)
{
	vmi_set_lazy_mmu(VMI_LAZY_MMU);
}

static void vmi_leave_lazy_mmu(void)
{
	vmi_set_lazy_mmu(VMI_LAZY_NONE);
}

/**
 * vmi_flush_lazy_mmu() - make deferred updates of page tables visible
 *
 * Any context but NMI.
 */
void vmi_flush_lazy_mmu(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (this_cpu_read(vmi_lazy) == VMI_LAZY_MMU) {
		vmi_call(lazy_mode, VMI_LAZY_NONE);
		vmi_call(lazy_mode, VMI_LAZY_MMU);
	}
	local_irq_restore(flags);
}

/* What is deferred has to be visible before others are told to flush. */
static void vmi_flush_tlb_multi(const struct cpumask *cpus,
				const struct flush_tlb_info *info)
{
	vmi_flush_lazy_mmu();
	native_flush_tlb_multi(cpus, info);
}

/* The modes do not nest; the one of a thread is left until it runs again. */
static void vmi_start_context_switch(struct task_struct *prev)
{
	if (this_cpu_read(vmi_lazy) == VMI_LAZY_MMU) {
		vmi_leave_lazy_mmu();
		set_ti_thread_flag(task_thread_info(prev),
				   TIF_LAZY_MMU_UPDATES);
	}
	this_cpu_write(vmi_lazy, VMI_LAZY_CPU);
	vmi_call(lazy_mode, VMI_LAZY_CPU);
}

static void vmi_end_context_switch(struct task_struct *next)
{
	this_cpu_write(vmi_lazy, VMI_LAZY_NONE);
	vmi_call(lazy_mode, VMI_LAZY_NONE);
	if (test_and_clear_ti_thread_flag(task_thread_info(next),
					  TIF_LAZY_MMU_UPDATES))
		vmi_enter_lazy_mmu();
}

/* Without the hooks of the context switch a mode could go astray. */
static void __init vmi_install_lazy_modes(struct pv_lazy_ops *lazy)
{
	static struct paravirt_patch_template ops __initdata;

	ops.cpu.start_context_switch = vmi_start_context_switch;
	ops.cpu.end_context_switch = vmi_end_context_switch;
	paravirt_install(&x86_hyper_vmi, PV_GROUP_CPU, &ops);

	lazy->enter = vmi_enter_lazy_mmu;
	lazy->leave = vmi_leave_lazy_mmu;
	lazy->flush = vmi_flush_lazy_mmu;
}

/* All or nothing: half of these would leave tables out of step. */
static bool __init vmi_offers_tables(void)
{
	bool pae = IS_ENABLED(CONFIG_X86_PAE);

	return vmi_has(pae ? VMI_CALL_SET_PTE_LONG : VMI_CALL_SET_PTE) &&
	       vmi_has_or_nop(pae ? VMI_CALL_UPDATE_PTE_LONG :
				    VMI_CALL_UPDATE_PTE) &&
	       vmi_has_or_nop(VMI_CALL_ALLOC_PAGE) &&
	       vmi_has_or_nop(VMI_CALL_RELEASE_PAGE) &&
	       vmi_has_or_nop(VMI_CALL_LINEAR_MAPPING);
}

static void __init vmi_bind_table_calls(void)
{
	VMI_BIND(set_pte, VMI_CALL_SET_PTE);
	VMI_BIND(set_pte_long, VMI_CALL_SET_PTE_LONG);
	if (IS_ENABLED(CONFIG_X86_PAE))
		VMI_BIND(update_pte, VMI_CALL_UPDATE_PTE_LONG);
	else
		VMI_BIND(update_pte, VMI_CALL_UPDATE_PTE);
	VMI_BIND(alloc_page, VMI_CALL_ALLOC_PAGE);
	VMI_BIND(release_page, VMI_CALL_RELEASE_PAGE);
	VMI_BIND(linear_mapping, VMI_CALL_LINEAR_MAPPING);
}

static void __init vmi_fill_table_ops(struct pv_mmu_ops *mmu)
{
	mmu->set_pte = vmi_set_pte;
	mmu->set_pte_atomic = vmi_set_pte_atomic;
	mmu->set_pmd = vmi_set_pmd;
#ifdef CONFIG_X86_PAE
	mmu->set_pud = vmi_set_pud;
#else
	mmu->enter_mmap = vmi_enter_mmap;
	mmu->pgd_free = vmi_pgd_free;
#endif
	mmu->pte_clear = vmi_pte_clear;
	mmu->pmd_clear = vmi_pmd_clear;
	mmu->ptep_get_and_clear = vmi_ptep_get_and_clear;
	mmu->ptep_set_wrprotect = vmi_ptep_set_wrprotect;
	mmu->ptep_test_and_clear_young = vmi_ptep_test_and_clear_young;
	mmu->ptep_modify_prot_start = vmi_modify_prot_start;
	mmu->ptep_modify_prot_commit = vmi_modify_prot_commit;
	mmu->alloc_pte = vmi_alloc_pte;
	mmu->alloc_pmd = vmi_alloc_pmd;
	mmu->release_pte = vmi_release_pte;
	mmu->release_pmd = vmi_release_pmd;
}

/**
 * vmi_mmu_install() - install what the ROM offers of the mmu group
 * @has_cpu:	the context switch is VMI's
 *
 * Boot CPU, interrupts off, before the direct mapping is made and before
 * alternatives are applied.
 */
void __init vmi_mmu_install(bool has_cpu)
{
	static struct paravirt_patch_template ops __initdata;
	struct pv_mmu_ops *mmu = &ops.mmu;
	bool tables = vmi_offers_tables(), lazy;

	VMI_DIRECT(mmu->write_cr2, VMI_CALL_SET_CR2);
	VMI_DIRECT(mmu->read_cr3, VMI_CALL_GET_CR3);
	VMI_DIRECT(mmu->write_cr3, VMI_CALL_SET_CR3);
	VMI_DIRECT(mmu->flush_tlb_one_user, VMI_CALL_INVAL_PAGE);
	if (vmi_has(VMI_CALL_GET_CR2))
		mmu->read_cr2.func = vmi_read_cr2;
	if (vmi_has(VMI_CALL_FLUSH_TLB)) {
		mmu->flush_tlb_user = vmi_flush_tlb_user;
		mmu->flush_tlb_kernel = vmi_flush_tlb_kernel;
		mmu->flush_tlb_multi = vmi_flush_tlb_multi;
	}
	if (tables)
		vmi_fill_table_ops(mmu);

	if (!memchr_inv(mmu, 0, sizeof(*mmu)))
		return;

	/* Bound first: what follows maps, and flushes. */
	lazy = tables && has_cpu && vmi_has(VMI_CALL_LAZY_MODE) &&
	       vmi_has(VMI_CALL_FLUSH_TLB) && vmi_has(VMI_CALL_INVAL_PAGE) &&
	       vmi_has(VMI_CALL_SET_CR3);
	vmi_get_cr2_routine = (vmi_fn)vmi_calls.addr[VMI_CALL_GET_CR2];
	VMI_BIND(flush_tlb, VMI_CALL_FLUSH_TLB);
	VMI_BIND(lazy_mode, VMI_CALL_LAZY_MODE);
	vmi_bind_table_calls();

	if (!paravirt_install(&x86_hyper_vmi, PV_GROUP_MMU, &ops))
		return;

	if (lazy) {
		static struct paravirt_patch_template more __initdata;

		vmi_install_lazy_modes(&more.mmu.lazy_mode);
		paravirt_install(&x86_hyper_vmi, PV_GROUP_MMU, &more);
	}

	if (!tables)
		return;
	vmi_owns_tables = true;
	vmi_start_cpu();
	vmi_register_boot_tables();
}

/**
 * vmi_start_cpu() - tell the ROM where page tables can be found
 *
 * Each CPU, before it does anything to page tables; interrupts off.  The call
 * covers all that the direct mapping can ever be, as its size is not known on
 * the boot CPU yet.
 */
void vmi_start_cpu(void)
{
	if (vmi_owns_tables)
		vmi_call(linear_mapping, 0, PAGE_OFFSET, PFN_DOWN(MAXMEM), 0);
}
