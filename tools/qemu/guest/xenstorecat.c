// SPDX-License-Identifier: GPL-2.0
/*
 * xenstorecat PATH: copy standard input to Xenstore.
 * xenstorecat PATH VALUE: make VALUE the value of the node PATH.
 *
 * Each piece that arrives becomes the node PATH/0, PATH/1, ... and can be removed
 * by who reads it.  PATH is relative to the domain's own folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define XENBUS		"/dev/xen/xenbus"
#define XS_WRITE	11
#define XS_ERROR	16
#define PIECE		1024

/* Message header of the Xenstore protocol, xen/include/public/io/xs_wire.h */
struct xs_msg {
	uint32_t type;
	uint32_t request;
	uint32_t transaction;
	uint32_t len;
};

static int read_all(int fd, void *buf, size_t len)
{
	ssize_t n;

	for (; len; buf = (char *)buf + n, len -= n) {
		n = read(fd, buf, len);
		if (n <= 0)
			return -1;
	}
	return 0;
}

/* Write one node: request and reply, in order, so nothing is ever in flight. */
static int xs_write(int fd, const char *path, const char *value, size_t len)
{
	size_t path_len = strlen(path) + 1;
	struct xs_msg msg = {
		.type	= XS_WRITE,
		.len	= path_len + len,
	};
	char buf[4096];

	if (sizeof(msg) + path_len + len > sizeof(buf))
		return -1;
	memcpy(buf, &msg, sizeof(msg));
	memcpy(buf + sizeof(msg), path, path_len);
	memcpy(buf + sizeof(msg) + path_len, value, len);
	len += sizeof(msg) + path_len;
	if (write(fd, buf, len) != (ssize_t)len)
		return -1;
	if (read_all(fd, &msg, sizeof(msg)) || msg.len > sizeof(buf) ||
	    read_all(fd, buf, msg.len))
		return -1;
	if (msg.type == XS_ERROR) {
		fprintf(stderr, "xenstorecat: %s: %.*s\n", path, (int)msg.len,
			buf);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char buf[PIECE], path[256];
	unsigned int piece;
	ssize_t n;
	int fd;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: xenstorecat PATH [VALUE] <input\n");
		return 2;
	}
	fd = open(XENBUS, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "xenstorecat: " XENBUS ": %s\n",
			strerror(errno));
		return 1;
	}
	if (argc == 3)
		return !!xs_write(fd, argv[1], argv[2], strlen(argv[2]));
	for (piece = 0; (n = read(0, buf, sizeof(buf))) > 0; piece++) {
		snprintf(path, sizeof(path), "%s/%u", argv[1], piece);
		if (xs_write(fd, path, buf, n))
			return 1;
	}
	return 0;
}
