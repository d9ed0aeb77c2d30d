/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PARAVIRT_GROUPS_H
#define _ASM_X86_PARAVIRT_GROUPS_H
/*
 * Groups of paravirt operations and the door through which a backend installs
 * them.  Documentation/arch/x86/paravirt.rst has the model.
 */
#include <linux/bits.h>
#include <linux/init.h>
#include <linux/types.h>

/**
 * enum pv_group - what a backend may take over, and a user give back
 * @PV_GROUP_CPU:	control and debug registers, MSRs, descriptor tables,
 *			TLS, kernel stack, cpuid, context switch hooks, iret
 * @PV_GROUP_IRQ:	interrupt flag and halt
 * @PV_GROUP_MMU:	page tables, cr2 and cr3, TLB flushes, lazy MMU mode
 * @PV_GROUP_LOCK:	spinlock slow path, kick, preemption hint
 * @PV_GROUP_TIME:	clock source, sched_clock, steal time, clock events
 * @PV_GROUP_APIC:	APIC access, IPIs, CPU bring-up
 * @PV_NR_GROUPS:	number of groups
 *
 * The order is that of the bits of "paravirt_disable=" and of the feature bits
 * from X86_FEATURE_PV_CPU on.
 */
enum pv_group {
	PV_GROUP_CPU,
	PV_GROUP_IRQ,
	PV_GROUP_MMU,
	PV_GROUP_LOCK,
	PV_GROUP_TIME,
	PV_GROUP_APIC,
	PV_NR_GROUPS
};

#define PV_CPU		BIT(PV_GROUP_CPU)
#define PV_IRQ		BIT(PV_GROUP_IRQ)
#define PV_MMU		BIT(PV_GROUP_MMU)
#define PV_LOCK		BIT(PV_GROUP_LOCK)
#define PV_TIME		BIT(PV_GROUP_TIME)
#define PV_APIC		BIT(PV_GROUP_APIC)
#define PV_ALL		(BIT(PV_NR_GROUPS) - 1)

struct hypervisor_x86;
struct paravirt_patch_template;

#ifdef CONFIG_PARAVIRT

/**
 * struct pv_group_state - who owns a group
 * @owner:	name of the backend that installed it, NULL for native
 * @denied:	name of the backend that wanted it and was turned away at the
 *		user's request, or NULL
 * @kept:	the user asked to disable it, but the backend cannot run without
 * @reason:	why its owner cannot run without the group, or NULL if it can
 */
struct pv_group_state {
	const char	*owner;
	const char	*denied;
	bool		kept;
	const char	*reason;
};

/* Why a backend that requires nothing keeps a group */
#define PV_TOO_LATE	"it was installed before the option was read"

extern struct pv_group_state pv_groups[PV_NR_GROUPS];
extern const char * const pv_group_names[PV_NR_GROUPS];
extern const char *pv_backend_name;
extern struct paravirt_patch_template pv_native_ops;

#if IS_ENABLED(CONFIG_KUNIT)
extern u32 pv_disabled;
bool pv_has_inlined(enum pv_group group,
		    const struct paravirt_patch_template *ops);
#endif

bool paravirt_wanted(const struct hypervisor_x86 *h, enum pv_group group);
bool paravirt_install(const struct hypervisor_x86 *h, enum pv_group group,
		      const struct paravirt_patch_template *ops);
void paravirt_set_backend(const struct hypervisor_x86 *h);
void paravirt_read_options(const char *cmdline);
u32 paravirt_parse_groups(const char *list, u32 *bad);
int paravirt_slot_group(unsigned int slot);
const char *paravirt_slot_name(unsigned int slot);

/**
 * paravirt_required() - can the kernel not do without its backend?
 * @group:	a group that was offered to paravirt_install()
 *
 * Any context.  Return: whether a backend owns @group and requires it.
 */
static inline bool paravirt_required(enum pv_group group)
{
	return pv_groups[group].reason;
}

struct dentry;

#if defined(CONFIG_PARAVIRT_XXL) && defined(CONFIG_X86_32)
void paravirt_sites_debugfs(struct dentry *dir);
#else
static inline void paravirt_sites_debugfs(struct dentry *dir) { }
#endif
#else
static inline bool paravirt_install(const struct hypervisor_x86 *h,
				    enum pv_group group,
				    const struct paravirt_patch_template *ops)
{
	return true;
}

static inline void paravirt_set_backend(const struct hypervisor_x86 *h) { }

static inline bool paravirt_required(enum pv_group group)
{
	return false;
}
#endif

/**
 * paravirt_claim() - take over a group that has no slots in pv_ops
 * @h:		the backend
 * @group:	PV_GROUP_TIME or PV_GROUP_APIC, or a group of which the backend
 *		replaces something outside of pv_ops
 *
 * As paravirt_install().  Return: whether the backend may go ahead.
 */
static inline bool paravirt_claim(const struct hypervisor_x86 *h,
				  enum pv_group group)
{
	return paravirt_install(h, group, NULL);
}

#endif /* _ASM_X86_PARAVIRT_GROUPS_H */
