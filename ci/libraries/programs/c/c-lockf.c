/* Locks a file of its own with lockf(3), which stays, and writes the pid file
 * while it has the lock. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
	char beside[4096], byte;
	FILE *file;
	int fd;

	snprintf(beside, sizeof beside, "%s.lock", argv[1]);
	if ((fd = open(beside, O_RDWR | O_CREAT, 0644)) < 0)
		err(1, "open");
	if (lockf(fd, F_TLOCK, 0) < 0)
		err(1, "already running");
	if ((file = fopen(argv[1], "w")) == NULL)
		err(1, "pid file");
	fprintf(file, "%d\n", (int)getpid());
	fclose(file);
	while (read(0, &byte, 1) > 0)
		;
	unlink(argv[1]);
	return 0;
}
