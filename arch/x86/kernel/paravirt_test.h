/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ARCH_X86_KERNEL_PARAVIRT_TEST_H
#define _ARCH_X86_KERNEL_PARAVIRT_TEST_H
/*
 * What the KUnit tests change of the door.
 */
#include <linux/types.h>

#if IS_ENABLED(CONFIG_KUNIT)
extern bool pv_door_held_open;
#endif

#endif /* _ARCH_X86_KERNEL_PARAVIRT_TEST_H */
