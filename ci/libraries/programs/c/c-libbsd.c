/* Opens and locks the pid file with libbsd, writes it, and removes it. */
#include <bsd/libutil.h>
#include <err.h>
#include <unistd.h>

int main(int argc, char **argv) {
	pid_t other;
	char byte;
	struct pidfh *file = pidfile_open(argv[1], 0600, &other);

	if (file == NULL)
		err(1, "already running, pid %d", (int)other);
	pidfile_write(file);
	while (read(0, &byte, 1) > 0)
		;
	pidfile_remove(file);
	return 0;
}
