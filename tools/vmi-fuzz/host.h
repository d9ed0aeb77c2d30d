/* SPDX-License-Identifier: GPL-2.0 */
/* What arch/x86/vmi/rom.c needs when it is built on the host. */
#ifndef VMI_FUZZ_HOST_H
#define VMI_FUZZ_HOST_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int32_t s32;
typedef int64_t s64;

#define __init
#define __packed	__attribute__((__packed__))

#include "vmi_abi.h"

#endif
