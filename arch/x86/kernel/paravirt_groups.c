// SPDX-License-Identifier: GPL-2.0
/*
 * Groups of paravirt operations: the door, the boot option, the report.
 *
 * pv_ops starts out native.  A backend - a row of the hypervisors[] table -
 * replaces operations by handing a table of its own to paravirt_install(), one
 * group at a time; slots that the table leaves NULL stay as they are.  The door
 * turns the backend away from a group that the user disabled, unless the row
 * says that the backend cannot run without it.
 *
 * Everything that depends on what is native asks the feature bit of the group,
 * never the name of a backend.  The bit is set once an operation has been
 * replaced that call sites may inline as a native instruction; a backend that
 * only replaces calls, as a TLB flush by hypercall, leaves it clear, so that
 * the rest of the group stays inlined.
 */
#define pr_fmt(fmt) "paravirt: " fmt

#include <kunit/visibility.h>
#include <linux/cpufeature.h>
#include <linux/ctype.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include <asm/alternative.h>
#include <asm/hypervisor.h>
#include <asm/paravirt.h>
#include <asm/paravirt_groups.h>
#include <asm/setup.h>

#include "paravirt_test.h"

struct pv_group_state pv_groups[PV_NR_GROUPS] __ro_after_init;
const char *pv_backend_name __ro_after_init;

/* What pv_ops held before the first backend came. */
struct paravirt_patch_template pv_native_ops __ro_after_init;

/* PV_* mask: what the user asked for */
VISIBLE_IF_KUNIT u32 pv_disabled __ro_after_init;

const char * const pv_group_names[PV_NR_GROUPS] = {
	[PV_GROUP_CPU]	= "cpu",
	[PV_GROUP_IRQ]	= "irq",
	[PV_GROUP_MMU]	= "mmu",
	[PV_GROUP_LOCK]	= "lock",
	[PV_GROUP_TIME]	= "time",
	[PV_GROUP_APIC]	= "apic",
};

#define PV_WORDS	"cpu, irq, mmu, lock, time, apic, all or a bitmask"

/* For tests, which run when call sites are patched */
VISIBLE_IF_KUNIT bool pv_door_held_open __ro_after_init;

/*
 * The slots of each group, and those of them that call sites inline.  In units
 * of a pointer, ends exclusive.
 */
#define PV_SLOT(member) \
	(offsetof(struct paravirt_patch_template, member) / sizeof(void *))
#define PV_SLOT_END(member) \
	(offsetofend(struct paravirt_patch_template, member) / sizeof(void *))

static const struct {
	u16 start, end;
	u16 inline_start, inline_end;
} pv_slots[PV_NR_GROUPS] = {
	[PV_GROUP_CPU] = {
		PV_SLOT(cpu), PV_SLOT_END(cpu),
		PV_SLOT_END(cpu.io_delay), PV_SLOT_END(cpu),
	},
	[PV_GROUP_IRQ] = {
		PV_SLOT(irq), PV_SLOT_END(irq),
		PV_SLOT(irq), PV_SLOT(irq.safe_halt),
	},
	[PV_GROUP_MMU] = {
		PV_SLOT(mmu), PV_SLOT_END(mmu),
		PV_SLOT_END(mmu.notify_page_enc_status_changed),
		PV_SLOT_END(mmu),
	},
	[PV_GROUP_LOCK] = {
		PV_SLOT(lock), PV_SLOT_END(lock),
		PV_SLOT(lock), PV_SLOT_END(lock),
	},
};

/**
 * paravirt_slot_group() - the group that a slot of pv_ops belongs to
 * @slot:	index of the slot in pointers
 *
 * Any context.  Return: an enum pv_group, or -1 if there is no such slot.
 */
int paravirt_slot_group(unsigned int slot)
{
	int g;

	for (g = 0; g < PV_NR_GROUPS; g++)
		if (slot >= pv_slots[g].start && slot < pv_slots[g].end)
			return g;
	return -1;
}

static bool __init pv_parse_word(const char *word, size_t len, u32 *mask)
{
	char buf[12];
	int g;

	if (len == 3 && !strncasecmp(word, "all", len)) {
		*mask = PV_ALL;
		return true;
	}

	for (g = 0; g < PV_NR_GROUPS; g++) {
		if (len == strlen(pv_group_names[g]) &&
		    !strncasecmp(word, pv_group_names[g], len)) {
			*mask = BIT(g);
			return true;
		}
	}

	if (!isdigit(*word) || len >= sizeof(buf))
		return false;

	memcpy(buf, word, len);
	buf[len] = '\0';
	/* A leading zero does not make it octal. */
	return !kstrtou32(buf, strncasecmp(buf, "0x", 2) ? 10 : 16, mask) &&
	       !(*mask & ~PV_ALL);
}

/* Blanks are possible within quotes. */
#define PV_SEPARATORS	", \t"
/* Early messages are worth more than the names of many words. */
#define PV_MAX_NAMED	8

/**
 * paravirt_parse_groups() - parse the value of "paravirt_disable="
 * @list:	names of groups, "all" and numbers, separated by commas
 * @bad:	set to the number of words that are none of these; if NULL, the
 *		first of them are named on the console
 *
 * A word that is not understood is otherwise ignored, as is an empty one.
 * Early boot, works before the console does.
 *
 * Return: the PV_* mask of the groups that @list names.
 */
u32 __init paravirt_parse_groups(const char *list, u32 *bad)
{
	u32 mask = 0, unknown = 0;

	while (*list) {
		size_t len = strcspn(list, PV_SEPARATORS);
		u32 m;

		if (len && pv_parse_word(list, len, &m))
			mask |= m;
		else if (len && ++unknown <= PV_MAX_NAMED && !bad)
			pr_warn("paravirt_disable=: unknown word '%.*s%s' ignored; valid are %s\n",
				(int)min(len, 32), list, len > 32 ? "..." : "",
				PV_WORDS);
		list += len;
		list += *list != '\0';
	}
	if (bad)
		*bad = unknown;
	else if (unknown > PV_MAX_NAMED)
		pr_warn("paravirt_disable=: %u more unknown words ignored\n",
			unknown - PV_MAX_NAMED);
	return mask;
}

/* @bad: as for paravirt_parse_groups() */
static void __init pv_disable(const char *list, u32 *bad)
{
	if (list && list[strspn(list, PV_SEPARATORS)])
		pv_disabled |= paravirt_parse_groups(list, bad);
	else if (!bad)
		pr_warn("paravirt_disable= needs a list: " PV_WORDS "\n");
}

/* The options that were read before they could be complained about */
static char pv_cmdline[COMMAND_LINE_SIZE] __initdata;
static bool pv_options_read __initdata;

static int __init pv_disable_param(char *arg)
{
	if (!pv_options_read)
		pv_disable(arg, NULL);
	return 0;
}
early_param("paravirt_disable", pv_disable_param);

static void __init pv_scan_cmdline(u32 *bad)
{
	static char buf[COMMAND_LINE_SIZE] __initdata;
	char *args, *param, *val;

	strscpy(buf, pv_cmdline, sizeof(buf));
	args = skip_spaces(buf);
	while (*args) {
		args = next_arg(args, &param, &val);
		if (!val && !strcmp(param, "--"))
			break;
		if (parameq(param, "paravirt_disable"))
			pv_disable(val, bad);
	}
}

/**
 * paravirt_read_options() - look for "paravirt_disable=" on a command line
 * @cmdline:	the command line that the kernel was started with
 *
 * For a backend that installs operations before early parameters are parsed.
 * It calls this first, with the command line in whatever form it was handed
 * over.  Occurrences add up.  The parameter is not looked at again later.
 *
 * As pv_ops may be of no use yet, nothing is printed: what is wrong with the
 * list is said in the report.
 */
void __init paravirt_read_options(const char *cmdline)
{
	u32 bad;

	if (pv_options_read)
		return;
	pv_options_read = true;

#ifdef CONFIG_CMDLINE_BOOL
	if (!IS_ENABLED(CONFIG_CMDLINE_OVERRIDE))
		snprintf(pv_cmdline, sizeof(pv_cmdline), "%s %s",
			 CONFIG_CMDLINE, cmdline);
	else
		strscpy(pv_cmdline, CONFIG_CMDLINE, sizeof(pv_cmdline));
#else
	strscpy(pv_cmdline, cmdline, sizeof(pv_cmdline));
#endif
	pv_scan_cmdline(&bad);
}

static void __init pv_save_native(void)
{
	if (!pv_native_ops.irq.halt)
		pv_native_ops = pv_ops;
}

static void __init pv_copy_slots(enum pv_group group, const void *ops)
{
	void * const *from = ops;
	void **to = (void **)&pv_ops;
	unsigned int i;

	for (i = pv_slots[group].start; i < pv_slots[group].end; i++)
		if (from[i])
			to[i] = from[i];
}

/* Is there an operation in @ops that call sites of @group may inline? */
VISIBLE_IF_KUNIT bool __init
pv_has_inlined(enum pv_group group, const struct paravirt_patch_template *ops)
{
	void * const *from = (void * const *)ops;
	unsigned int i;

	for (i = pv_slots[group].inline_start;
	     i < pv_slots[group].inline_end; i++)
		if (from[i])
			return true;
	return false;
}

/**
 * paravirt_wanted() - may the group be installed?
 * @h:		the backend
 * @group:	the group
 *
 * For a backend that has to find out first whether it can offer the group, and
 * must not use anything of it if the user does not want it.  Changes nothing.
 *
 * Return: what paravirt_install() would return, before alternatives are applied.
 */
bool __init paravirt_wanted(const struct hypervisor_x86 *h,
			    enum pv_group group)
{
	return !(pv_disabled & BIT(group) & ~h->pv_requires);
}

/**
 * paravirt_install() - the door: install a group of operations
 * @h:		the backend
 * @group:	the group
 * @ops:	table of operations, of which those of @group that are not NULL
 *		are copied to pv_ops; NULL to claim a group without slots
 *
 * The only way for a backend to write pv_ops.  It may come back for more of a
 * group that it has, until alternatives are applied: call sites are patched for
 * good then.  One that comes later is turned away with a line on the console.
 * Boot CPU only, interrupts off or no one else running.
 *
 * Return: true if the backend now owns the group; false if the user wants it
 * native, or it is too late, and nothing was changed.
 */
bool __init paravirt_install(const struct hypervisor_x86 *h,
			     enum pv_group group,
			     const struct paravirt_patch_template *ops)
{
	struct pv_group_state *g = &pv_groups[group];
	u32 bit = BIT(group);

	if (WARN_ON(!(h->pv_provides & bit)))
		return false;

	if (alternatives_patched && !pv_door_held_open) {
		pr_err("%s came too late for %s\n", h->name,
		       pv_group_names[group]);
		return false;
	}

	if (!paravirt_wanted(h, group)) {
		g->denied = h->name;
		return false;
	}

	pv_save_native();
	g->owner = h->name;
	if (h->pv_requires & bit)
		g->reason = h->pv_reason;
	if (ops)
		pv_copy_slots(group, ops);
	if (ops ? pv_has_inlined(group, ops) : !pv_slots[group].end)
		setup_force_cpu_cap(X86_FEATURE_PV_CPU + group);
	return true;
}

/**
 * paravirt_set_backend() - record which hypervisor was found
 * @h:		its row
 *
 * Boot CPU, before or after its groups are installed.
 */
void __init paravirt_set_backend(const struct hypervisor_x86 *h)
{
	pv_backend_name = h->name;
}

/* "cpu irq", " " in front of each name */
static void __init pv_list(char *buf, size_t size, u32 mask)
{
	size_t n = 0;
	int g;

	buf[0] = '\0';
	for (g = 0; g < PV_NR_GROUPS; g++)
		if (mask & BIT(g))
			n += scnprintf(buf + n, size - n, " %s",
				       pv_group_names[g]);
}

/* Groups that stay with @owner although the user does not want that */
static u32 __init pv_kept_by(const char *owner)
{
	u32 mask = 0;
	int g;

	for (g = 0; g < PV_NR_GROUPS; g++)
		if (pv_groups[g].kept && pv_groups[g].owner == owner)
			mask |= BIT(g);
	return mask;
}

/* A line for each backend that keeps groups */
static u32 __init pv_report_kept(void)
{
	u32 kept = 0, mask;
	char list[40];
	int g;

	for (g = 0; g < PV_NR_GROUPS; g++) {
		if (!pv_groups[g].kept || (kept & BIT(g)))
			continue;
		mask = pv_kept_by(pv_groups[g].owner);
		kept |= mask;
		pv_list(list, sizeof(list), mask);
		pr_warn("%s cannot give up%s: %s\n", pv_groups[g].owner, list,
			pv_groups[g].reason ?: PV_TOO_LATE);
	}
	return kept;
}

static int __init pv_report(void)
{
	u32 owned = 0, denied = 0, kept;
	char has[40], wants[40];
	int g;

	pv_save_native();
	pv_scan_cmdline(NULL);
	for (g = 0; g < PV_NR_GROUPS; g++) {
		if (pv_groups[g].owner) {
			owned |= BIT(g);
			pv_backend_name = pv_backend_name ?: pv_groups[g].owner;
			/* Or the option was read after the group was taken. */
			pv_groups[g].kept = pv_disabled & BIT(g);
		}
		if (pv_groups[g].denied)
			denied |= BIT(g);
	}

	pv_list(has, sizeof(has), owned);
	pv_list(wants, sizeof(wants), denied);
	if (!pv_backend_name)
		pr_info("native\n");
	else if (denied)
		pr_info("%s:%s; native by request:%s\n", pv_backend_name,
			owned ? has : " none", wants);
	else
		pr_info("%s:%s\n", pv_backend_name, owned ? has : " none");

	kept = pv_report_kept();

	/* Asked for, but native anyway. */
	if (pv_disabled & ~(denied | kept)) {
		pv_list(wants, sizeof(wants), pv_disabled & ~(denied | kept));
		pr_info("nothing to disable:%s native already\n", wants);
	}
	return 0;
}

/* After the last operation is in place, before other CPUs come up. */
early_initcall(pv_report);
