/* SPDX-License-Identifier: GPL-2.0 */
#ifndef XEN_MMU_PV_H
#define XEN_MMU_PV_H
/* What mmu_pv.c and mmu_pv_32.c share */

#include <linux/init.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>
#include <linux/types.h>

struct mmu_update;

/* The command that pins a top-level page table */
#ifdef CONFIG_X86_64
#define XEN_PIN_PGD	MMUEXT_PIN_L4_TABLE
#else
#define XEN_PIN_PGD	MMUEXT_PIN_L3_TABLE
#endif

/* The page tables that the domain was started with, in bytes */
extern phys_addr_t xen_pt_base, xen_pt_size;

void __init pin_pagetable_pfn(unsigned int cmd, unsigned long pfn);
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
#endif

#endif /* XEN_MMU_PV_H */
