// SPDX-License-Identifier: GPL-2.0
/*
 * What only a 32-bit PV guest needs at start-up.
 */
#include <linux/init.h>
#include <linux/pgtable.h>

#include <xen/interface/xen.h>
#include <xen/interface/version.h>

#include <asm/fixmap.h>
#include <asm/xen/hypercall.h>
#include <asm/xen/interface.h>

#include "xen-ops.h"

/**
 * xen_reserve_top() - leave the top of the address space to the hypervisor
 *
 * Its part starts where xen_version's XENVER_platform_parameters says, which
 * differs between hosts and domains.  The fixmap and all that lies below it
 * move down; nothing may have been placed there yet.  Boot CPU, once.
 */
void __init xen_reserve_top(void)
{
	struct xen_platform_parameters pp;
	unsigned long start = HYPERVISOR_VIRT_START;

	if (!HYPERVISOR_xen_version(XENVER_platform_parameters, &pp))
		start = pp.virt_start;

	reserve_top_address(-start);
}
