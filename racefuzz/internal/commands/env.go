package commands

import (
	"path/filepath"
	"slices"
	"strings"
)

// Env returns the environment of the commands that run in dir: this process's
// own, with the directory as home, as the place of all that programs keep there
// and of temporary files, and with time zone, language and terminal fixed.
func Env(own []string, dir string) []string {
	fixed := map[string]string{
		"HOME": dir, "USERPROFILE": dir, "PWD": dir, "TMPDIR": dir, "TMP": dir, "TEMP": dir,
		"APPDATA": filepath.Join(dir, ".config"), "LOCALAPPDATA": filepath.Join(dir, ".local"),
		"XDG_CONFIG_HOME": filepath.Join(dir, ".config"), "XDG_CACHE_HOME": filepath.Join(dir, ".cache"),
		"XDG_DATA_HOME": filepath.Join(dir, ".local", "share"), "XDG_STATE_HOME": filepath.Join(dir, ".local", "state"),
		"XDG_RUNTIME_DIR": dir, "TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb", "NO_COLOR": "1", "PYTHONHASHSEED": "0",
	}
	if drive := filepath.VolumeName(dir); drive != "" { // the home of Windows, in two parts
		fixed["HOMEDRIVE"], fixed["HOMEPATH"] = drive, dir[len(drive):]
	}
	var env []string
	for _, setting := range own {
		name, _, _ := strings.Cut(setting, "=")
		if _, is := fixed[strings.ToUpper(name)]; !is && name != "OLDPWD" && name != "_" {
			env = append(env, setting)
		}
	}
	for name, value := range fixed {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}
