/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Violations of the ABI: number, name as printed, what the guest did.
 */
#ifndef VMI_ROM_VIOLATIONS_H
#define VMI_ROM_VIOLATIONS_H

#define V_RAW_WRITE	0
#define V_UNREG_LINK	1
#define V_STALE_DEFER	2
#define V_DEFER_FLAG	3
#define V_LEVEL		4
#define V_PAE		5
#define V_VA		6
#define V_FLAGS		7
#define V_ALLOC_TWICE	8
#define V_REL_UNREG	9
#define V_REL_LINKED	10
#define V_NOT_ZEROED	11
#define V_CLONE		12
#define V_VIRTUAL_TOP	13
#define V_NO_LINEAR	14
#define V_DESC_WRITE	15
#define V_DESC_ALIGN	16
#define V_AP_STATE	17
#define V_IRET_IF	18
#define V_INIT		19
#define V_LAZY		20
#define V_ALARM		21
#define V_APIC		22
#define V_DESC_USED	23
#define NVIOLATIONS	24

#define VIOLATION_NAMES \
	"raw-write\0" \
	"unregistered-link\0" \
	"stale-defer\0" \
	"defer-flag\0" \
	"level\0" \
	"pae\0" \
	"va\0" \
	"flags\0" \
	"alloc-twice\0" \
	"release-unregistered\0" \
	"release-linked\0" \
	"not-zeroed\0" \
	"clone\0" \
	"virtual-top\0" \
	"no-linear-mapping\0" \
	"descriptor-write\0" \
	"descriptor-align\0" \
	"ap-state\0" \
	"iret-if\0" \
	"init\0" \
	"lazy-mode\0" \
	"alarm\0" \
	"apic\0" \
	"descriptor-in-use\0"

#endif /* VMI_ROM_VIOLATIONS_H */
