package host

import (
	"bytes"
	"fmt"
	"os"
)

// Memory is what process pid has in memory now, and the most that it ever had,
// in bytes. Where this is not known the error is [errors.ErrUnsupported].
func Memory(pid int) (resident, peak int64, err error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	status, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	for _, field := range []struct {
		name  string
		bytes *int64
	}{{"VmRSS:", &resident}, {"VmHWM:", &peak}} {
		_, rest, _ := bytes.Cut(status, []byte(field.name))
		if _, err := fmt.Sscanf(string(rest), "%d kB", field.bytes); err != nil {
			return 0, 0, fmt.Errorf("%s: %s %w", path, field.name, err)
		}
		*field.bytes *= 1024
	}
	return resident, peak, nil
}
