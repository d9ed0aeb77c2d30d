/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Prototypes of the stubs in paravirt_stubs_32.S, for symbol versions.  None of
 * them can be called from C.
 */
#undef GEN
#define GEN(reg)	void pv_save_fl_ ## reg(void);			\
			void pv_read_cr2_ ## reg(void);			\
			void pv_queued_spin_unlock_ ## reg(void);
#include <asm/GEN-for-each-reg.h>

#ifdef CONFIG_X86_PAE
#undef GEN
#define GEN(reg)	PV_STUBS(pv_pte_pfn_ ## reg)			\
			PV_STUBS(pv_pmd_pfn_ ## reg)			\
			PV_STUBS(pv_pmd_table_ ## reg)			\
			PV_STUBS(pv_pud_table_ ## reg)
#define PV_STUBS(name)	void name ## _eax(void); void name ## _ebx(void); \
			void name ## _ecx(void); void name ## _edx(void); \
			void name ## _esi(void); void name ## _edi(void); \
			void name ## _ebp(void);
#include <asm/GEN-for-each-reg.h>
#undef PV_STUBS
#else
#undef GEN
#define GEN(reg)	void pv_pte_pfn_ ## reg(void);			\
			void pv_pmd_pfn_ ## reg(void);			\
			void pv_pmd_table_ ## reg(void);
#include <asm/GEN-for-each-reg.h>
#endif
#undef GEN
