/* Asks libdaemon who runs, creates the pid file, and removes it: the order of
 * the example in its manual, without the fork. */
#include <libdaemon/dpid.h>
#include <stdio.h>
#include <unistd.h>

static const char *path;
static const char *name(void) { return path; }

int main(int argc, char **argv) {
	char byte;

	path = argv[1];
	daemon_pid_file_proc = name;
	if (daemon_pid_file_is_running() >= 0) {
		fprintf(stderr, "already running\n");
		return 1;
	}
	if (daemon_pid_file_create() < 0) {
		perror("no pid file");
		return 1;
	}
	while (read(0, &byte, 1) > 0)
		;
	daemon_pid_file_remove();
	return 0;
}
