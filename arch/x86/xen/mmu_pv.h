/* SPDX-License-Identifier: GPL-2.0 */
#ifndef XEN_MMU_PV_H
#define XEN_MMU_PV_H
/* What mmu_pv.c and mmu_pv_32.c share */

#include <linux/init.h>
#include <linux/mm_types.h>
#include <linux/pfn.h>
#include <linux/pgtable.h>
#include <linux/types.h>

struct mmu_update;

/* The page tables that the domain was started with, in bytes */
extern phys_addr_t xen_pt_base, xen_pt_size;

/*
 * The last page of the direct map that a 32-bit domain was started with.
 * max_pfn_mapped leaves out the P2M list and what follows.
 */
extern unsigned long xen_last_mapped_pfn;

void pin_pagetable_pfn(unsigned int cmd, unsigned long pfn);
void __xen_write_cr3(bool kernel, unsigned long cr3);

bool xen_page_pinned(void *ptr);
void xen_extend_mmu_update(const struct mmu_update *update);
void xen_set_pte(pte_t *ptep, pte_t pteval);

#ifdef CONFIG_X86_32
pte_t xen_ptep_get_and_clear(struct mm_struct *mm, unsigned long addr,
			     pte_t *ptep);
void xen_ptep_set_wrprotect(struct mm_struct *mm, unsigned long addr,
			    pte_t *ptep);
int xen_ptep_test_and_clear_young(struct vm_area_struct *vma,
				  unsigned long addr, pte_t *ptep);
void __init xen_pagetable_p2m_setup(void);

unsigned long xen_top_pfn(unsigned long cr3);
void xen_top_link(pgd_t *pgd, bool link);
bool xen_top_set_pmd(pmd_t *ptr, u64 entry);
int xen_pgd_alloc(struct mm_struct *mm);
void xen_pgd_free(struct mm_struct *mm, pgd_t *pgd);
void xen_set_pud(pud_t *ptr, pud_t val);

/* Short, as the 1536 entries of a process are mostly empty. */
static inline bool xen_pmd_none(pmd_t pmd)
{
	return !(pmd.pmd_low & (u32)~_PAGE_KNL_ERRATUM_MASK);
}
#else
static inline bool xen_pmd_none(pmd_t pmd)
{
	return pmd_none(pmd);
}

/* The PGD is what Xen sees. */
static inline unsigned long xen_top_pfn(unsigned long cr3)
{
	return PFN_DOWN(cr3);
}

static inline bool xen_top_set_pmd(pmd_t *ptr, u64 entry)
{
	return false;
}
#endif

#endif /* XEN_MMU_PV_H */
