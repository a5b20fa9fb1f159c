/* Creates the pid file with liblockfile, L_PID, and removes it. */
#include <lockfile.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
	char byte;
	int status = lockfile_create(argv[1], 0, L_PID);

	if (status != L_SUCCESS) {
		fprintf(stderr, "no lock: %d\n", status);
		return 1;
	}
	while (read(0, &byte, 1) > 0)
		;
	lockfile_remove(argv[1]);
	return 0;
}
