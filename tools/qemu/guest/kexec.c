// SPDX-License-Identifier: GPL-2.0
/*
 * kexec: load a page as a kernel and unload it, and print what the kernel said:
 * "loaded", or the name of the error.  It is never started.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	4096ul
#define TARGET	0x2000000ul

static char text[PAGE];

int main(void)
{
	struct kexec_segment segment = {
		.buf = text,
		.bufsz = sizeof(text),
		.mem = (void *)TARGET,
		.memsz = sizeof(text),
	};

	if (syscall(SYS_kexec_load, TARGET, 1, &segment, KEXEC_ARCH_DEFAULT)) {
		puts(strerrorname_np(errno));
		return 0;
	}
	if (syscall(SYS_kexec_load, 0, 0, NULL, KEXEC_ARCH_DEFAULT)) {
		perror("kexec: unload");
		return 1;
	}
	puts("loaded");
	return 0;
}
