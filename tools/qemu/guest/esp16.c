// SPDX-License-Identifier: GPL-2.0
/*
 * esp16: what does the upper half of ESP hold after a system call from a stack
 * of 16 bits?
 *
 * IRET to such a stack loads the lower half of ESP only.  The kernel either
 * takes care of the other half (espfix), or does not let anyone have such a
 * stack.  Prints "kept", "refused", or "leaks" with the value.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SELECTOR	7	/* first entry of the LDT, ring 3 */
#define UPPER		0x5a5a0000u

int main(void)
{
	struct user_desc d = {
		.limit		= 0xffff,
		.contents	= MODIFY_LDT_CONTENTS_DATA,
		.useable	= 1,
	};
	uint8_t *stack = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
			      0);
	uint32_t esp, pid;

	if (stack == MAP_FAILED) {
		printf("no memory\n");
		return 1;
	}
	d.base_addr = (uintptr_t)stack;
	if (syscall(SYS_modify_ldt, 1, &d, sizeof(d))) {
		printf("%s\n", errno == EINVAL ? "refused" : strerror(errno));
		return 0;
	}
	asm volatile("movl %%esp, %%esi\n\t"
		     "movw %%ss, %%di\n\t"
		     "movw %w[ss], %%ss\n\t"
		     "movl %[to], %%esp\n\t"
		     "int $0x80\n\t"
		     "movl %%esp, %%edx\n\t"
		     "movw %%di, %%ss\n\t"
		     "movl %%esi, %%esp"
		     : "=a" (pid), "=&d" (esp)
		     : "0" (SYS_getpid), [ss] "b" (SELECTOR),
		       [to] "c" (UPPER | 0x8000)
		     : "esi", "edi", "memory", "cc");
	if (pid != (uint32_t)getpid())
		printf("getpid gave %u\n", pid);
	else if ((esp & 0xffff) != 0x8000)
		printf("the lower half is %#x\n", esp & 0xffff);
	else if ((esp & 0xffff0000) != UPPER)
		printf("leaks %#x\n", esp >> 16);
	else
		printf("kept\n");
	return 0;
}
