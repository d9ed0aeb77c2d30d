// SPDX-License-Identifier: GPL-2.0
/*
 * portcat PORT: copy standard input to an I/O port, byte by byte.
 *
 * A verdict channel that needs no driver and no interrupt: QEMU's isa-debugcon
 * writes the bytes to a file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned char buf[4096];
	unsigned long port;
	ssize_t i, n;

	if (argc != 2) {
		fprintf(stderr, "usage: portcat PORT <input\n");
		return 2;
	}
	port = strtoul(argv[1], NULL, 0);
	if (ioperm(port, 1, 1)) {
		perror("portcat: ioperm");
		return 1;
	}
	while ((n = read(0, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++)
			outb(buf[i], port);
	return 0;
}
