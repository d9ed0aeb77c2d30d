// SPDX-License-Identifier: GPL-2.0
/*
 * vsyscall: print the instruction by which the vDSO makes system calls: sysenter,
 * syscall or int80; "none" where there is no such function, as on x86-64.
 */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

/* The function is shorter than that. */
#define ROOM	32

int main(void)
{
	const unsigned char *p = (const void *)getauxval(AT_SYSINFO), *end;

	if (!p) {
		puts("none");
		return 0;
	}
	for (end = p + ROOM; p < end; p++) {
		if (!memcmp(p, "\x0f\x34", 2)) {
			puts("sysenter");
			return 0;
		}
		if (!memcmp(p, "\x0f\x05", 2)) {
			puts("syscall");
			return 0;
		}
		if (!memcmp(p, "\xcd\x80", 2)) {
			puts("int80");
			return 0;
		}
	}
	puts("unknown");
	return 1;
}
