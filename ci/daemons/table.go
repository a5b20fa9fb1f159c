package main

import (
	"path"
	"strings"
)

// daemon is a program of a package and how racefuzz runs it.
type daemon struct {
	Name    string
	What    string // it is
	Package string
	Flags   []string // of racefuzz
	File    string   // in the directory of the witnesses, that it is set up by
	Root    bool     // it needs root
	NoPID   bool     // it has a lock and no pid file
	Command []string
	// Remarks say what a verdict of that invariant means for it, and what is
	// by design; that for "" stands where none is found.
	Remarks map[string]string
}

func (d daemon) witness() string { return path.Join(witnesses, d.Name+".txtar") }

// lenient is the daemon run with -lenient.
func (d daemon) lenient() daemon {
	d.Name += "-lenient"
	d.Flags = append([]string{"-lenient"}, d.Flags...)
	return d
}

// arguments are those of racefuzz.
func (d daemon) arguments() []string {
	args := append([]string{}, d.Flags...)
	if d.File != "" {
		args = append(args, "-file", path.Join(witnesses, d.File))
	}
	return append(append(args, "--"), d.Command...)
}

// inRun runs a command with the case's directory in the place of /run, and
// with no jobs in the directories that cron and at read. What is to be done
// before goes first.
func inRun(command string, before ...string) []string {
	return []string{"unshare", "-m", "sh", "-c", strings.Join(append(before,
		"mount -t tmpfs none /etc/cron.d", "mount -t tmpfs none /var/spool",
		"mkdir -p /var/spool/cron/crontabs /var/spool/cron/atjobs /var/spool/cron/atspool",
		"chown daemon /var/spool/cron/atjobs /var/spool/cron/atspool",
		"mount --bind {dir} /run", "exec "+command), " && ")}
}

// withSshd runs sshd with a key, a user and a directory that its package would
// make.
func withSshd(flags string) []string {
	return []string{"unshare", "-m", "sh", "-c", strings.Join([]string{
		"cd {dir}/..", "{ cat /etc/passwd; echo sshd:x:110:65534::/:/bin/false; } >passwd{n}", "mount --bind passwd{n} /etc/passwd",
		"mount -t tmpfs none /run", "mkdir -m 755 /run/sshd", "rm -f key{n}*", "ssh-keygen -q -N '' -t ed25519 -f key{n}",
		"exec $(command -v sshd) " + flags + " -h $PWD/key{n}"}, " && ")}
}

func words(command string) []string { return strings.Fields(command) }

var daemons = []daemon{
	{
		Name: "redis", What: "database", Package: "redis-server",
		Command: append(words("redis-server --port {caseport} --bind 127.0.0.1 --pidfile {pidfile} --dir {dir}/.. --save"), ""),
		Remarks: map[string]string{
			"": "It binds its port before it comes to the file, so a second start with the same port ends first: the port is the lock, and the pid file only tells of it. By design.",
		},
	},
	{
		Name: "redis-two-ports", What: "the same, each with a port of its own", Package: "redis-server",
		Command: append(words("redis-server --port {port} --bind 127.0.0.1 --pidfile {pidfile} --dir {dir}/.. --save"), ""),
		Remarks: map[string]string{
			"I2": "The same with two ports, as when a configuration is copied: nothing else keeps the second start off the file. By design.",
		},
	},
	{
		Name: "memcached", What: "cache", Package: "memcached",
		Command: words("memcached -u root -P {pidfile} -p {caseport} -U 0 -l 127.0.0.1"),
		Remarks: map[string]string{
			"": "It binds its port first, and writes a temporary file that it renames, so that no reader finds half a pid. It leaves the file when it was started in the foreground.",
		},
	},
	{
		Name: "nginx", What: "web server", Package: "nginx",
		Flags: []string{"-ready", "start worker processes"}, File: "nginx.conf",
		Command: words("nginx -e stderr -p {dir}/.. -c {dir}/nginx.conf"),
		Remarks: map[string]string{
			"": "The port is the lock: a second start tries to bind it five times, half a second apart, and ends before it comes to the file. By design.",
		},
	},
	{
		Name: "apache2", What: "web server", Package: "apache2-bin", File: "apache2.conf", Root: true,
		Command: words("apache2 -D FOREGROUND -f {dir}/apache2.conf"),
		Remarks: map[string]string{
			"I4": "The pid file is all right: its pid is dead and the next start says so. But a killed server's worker lives on, keeps the port, and no start succeeds until somebody kills that as well. Done by hand it is the same.",
		},
	},
	{
		Name: "lighttpd", What: "web server", Package: "lighttpd", File: "lighttpd.conf",
		Command: words("lighttpd -D -f {dir}/lighttpd.conf"),
		Remarks: map[string]string{
			"I2": "A bug: the second start empties the file, then finds that it cannot bind the port, and on its way out removes the file. The first one serves on without. Done by hand it is the same.",
		},
	},
	{
		Name: "haproxy", What: "load balancer", Package: "haproxy", File: "haproxy.cfg",
		Command: words("haproxy -D -p {pidfile} -f {dir}/haproxy.cfg"),
		Remarks: map[string]string{
			"I5": "By design, if not expected: it shares its port with SO_REUSEPORT, so a second start is a success, both serve, and the file is the second one's. A takeover is to be asked for with -sf and the first one's pid.",
		},
	},
	{
		Name: "tinyproxy", What: "web proxy", Package: "tinyproxy-bin", File: "tinyproxy.conf",
		Command: words("tinyproxy -d -c {dir}/tinyproxy.conf"),
		Remarks: map[string]string{
			"I5": "A start between the stop of another and the removal of its file: the old server closes its port first, and removes the file by its name last, when it is the new server's. The new one serves on without.",
		},
	},
	{
		Name: "stunnel", What: "TLS proxy", Package: "stunnel4",
		Flags: []string{"-ready", "Configuration successful"}, File: "stunnel.conf",
		Command: words("stunnel4 {dir}/stunnel.conf"),
		Remarks: map[string]string{
			"": "It binds its port first, then unlinks what has the name and creates a file of its own with O_EXCL.",
		},
	},
	{
		Name: "mosquitto", What: "message broker", Package: "mosquitto", File: "mosquitto.conf",
		Command: words("mosquitto -c {dir}/mosquitto.conf"),
		Remarks: map[string]string{
			"I2": "A bug: the file is written before the port is bound. A second start empties it, cannot bind, and removes it on its way out; the first one serves on without. Done by hand it is the same.",
		},
	},
	{
		Name: "unbound", What: "name server", Package: "unbound", File: "unbound.conf",
		Command: words("unbound -d -c {dir}/unbound.conf"),
		Remarks: map[string]string{
			"I2": "It shares its port with SO_REUSEPORT, so a second start is a success and both serve, with the second one's pid in the file, and none once that stops. By design; nothing is said to keep two apart.",
		},
	},
	{
		Name: "named", What: "name server", Package: "bind9", File: "named.conf",
		Command: words("named -f -c {dir}/named.conf"),
		Remarks: map[string]string{
			"I5": "It shares its port with SO_REUSEPORT. Without its option lock-file a second start removes the file of the first and serves beside it.",
		},
	},
	{
		Name: "named-lock", What: "the same with its option lock-file", Package: "bind9", Flags: words("-lockfile named.lock"), File: "named-lock.conf",
		Command: words("named -f -c {dir}/named-lock.conf"),
		Remarks: map[string]string{
			"": "A second start finds the lock and ends before it comes to the pid file.",
		},
	},
	{
		Name: "nsd", What: "name server", Package: "nsd", File: "nsd.conf",
		Command: words("nsd -d -c {dir}/nsd.conf"),
		Remarks: map[string]string{
			"I2": "When the main process is killed, the process that it has left notices, and on its way out empties the file by its name, which is the next server's by now. That one serves on with an empty file.",
		},
	},
	{
		Name: "dnsmasq", What: "name server", Package: "dnsmasq-base",
		Command: words("dnsmasq -k -x {pidfile} -C /dev/null -p {caseport} -a 127.0.0.1 -z -u root"),
		Remarks: map[string]string{
			"": "It binds its port first, then unlinks what has the name and creates a file of its own with O_EXCL.",
		},
	},
	{
		Name: "chronyd", What: "time server", Package: "chrony", Root: true,
		Command: []string{"chronyd", "-d", "-x", "-u", "root", "-U", "pidfile {pidfile}", "port {caseport}", "bindaddress 127.0.0.1", "allow 127.0.0.1", "cmdport 0", "bindcmdaddress /"},
		Remarks: map[string]string{
			"I2": "A race: the second start finds the file just created and still empty, takes that for a stale one and unlinks it. Then the first writes its pid into a file without a name, and serves on without a pid file.",
		},
	},
	{
		Name: "rsync", What: "file server", Package: "rsync", File: "rsyncd.conf",
		Command: words("rsync --daemon --no-detach --config={dir}/rsyncd.conf"),
		Remarks: map[string]string{
			"": "It locks the file with fcntl and then makes sure that it is still the one of that name; what is emptied is emptied under the lock.",
		},
	},
	{
		Name: "sshd", What: "login server", Package: "openssh-server", Root: true,
		Command: withSshd("-D -e -f /dev/null -o PidFile={pidfile} -o ListenAddress=127.0.0.1:{caseport}"),
		Remarks: map[string]string{
			"I5": "As tinyproxy: the old server closes its port first and removes the file by its name last, when it is the new server's.",
		},
	},
	{
		Name: "rsyslogd", What: "logger", Package: "rsyslog", File: "rsyslog.conf",
		Command: []string{"sh", "-c", "exec rsyslogd -n -M ${DEBIAN_ROOT}/usr/lib/*-linux-gnu/rsyslog -f {dir}/rsyslog.conf -i {pidfile}"},
		Remarks: map[string]string{
			"I1": "It reads the file, judges, and later renames its own in its place: two that look before either has written both start. They share the name of the temporary file as well, and the second rename, which finds nothing, is no reason for it to stop. The file has the first one's pid.",
		},
	},
	{
		Name: "xinetd", What: "super-server", Package: "xinetd", File: "xinetd.conf",
		Command: words("prlimit --nofile=256 xinetd -dontfork -pidfile {pidfile} -f {dir}/xinetd.conf"),
		Remarks: map[string]string{
			"I5": "It unlinks what has the name before it creates its own file, without asking whether somebody runs. By design, and a second start costs the first one its file even though the port is taken. Done by hand it is the same.",
		},
	},
	{
		Name: "cron", What: "scheduler", Package: "cron", Flags: []string{"-pidfile", "crond.pid"}, Root: true,
		Command: inRun("cron -f", "{ test ! -e /etc/crontab || mount --bind /dev/null /etc/crontab; }"),
		Remarks: map[string]string{
			"": "The file is locked with flock before it is touched, written over in place, and never removed: nobody can lock a file that has lost its name.",
		},
	},
	{
		Name: "atd", What: "scheduler", Package: "at", Flags: []string{"-pidfile", "atd.pid"}, Root: true,
		Command: inRun("atd -f"),
		Remarks: map[string]string{
			"I2": "As chronyd, in spite of a lock: the file is created, locked, and still empty when the second start reads it, takes it for a stale one and unlinks it without asking for the lock. The first serves on without a pid file.",
		},
	},
	{
		Name: "supervisord", What: "process supervisor, in Python", Package: "supervisor", File: "supervisord.conf",
		Command: words("supervisord -c {dir}/supervisord.conf"),
		Remarks: map[string]string{
			"": "It binds its port before it comes to the file. Each start takes so long, in Python, that few schedules fit in the time.",
		},
	},
	{
		Name: "start-stop-daemon", What: "init helper", Package: "dpkg",
		Command: words("start-stop-daemon --start --pidfile {pidfile} --make-pidfile --exec /bin/sleep -- 1000"),
		Remarks: map[string]string{
			"I2": "It asks whether the pid in the file runs, and later writes its own: two that ask before either has written both start. By design of its option --make-pidfile; an init system starts one at a time.",
		},
	},
	{
		Name: "daemonize", What: "init helper", Package: "daemonize",
		Command: words("daemonize -p {pidfile} -l {pidfile} /bin/sleep 1000"),
		Remarks: map[string]string{
			"": "It locks the file, which here is its lock file as well, and then truncates it when it writes. The daemon inherits the lock.",
		},
	},
	{
		Name: "daemon", What: "init helper", Package: "daemon", Flags: words("-preempt 0"),
		Command: words("daemon -f -F {pidfile} -- sleep 1000"),
		Remarks: map[string]string{
			"": "A bug: it writes its pid over that of a dead one and truncates nothing. How much of the old pid remains depends on how many digits the new one has, so no two runs are the same to the letter. Done by hand, 499999999 became 9768 and a line with 9999.",
		},
	},
	{
		Name: "flock", What: "lock for scripts", Package: "util-linux", Flags: words("-lockfile lock"), NoPID: true,
		Command: words("flock -n {dir}/lock sleep 1000"),
		Remarks: map[string]string{
			"I7": "By design: the command inherits the lock, and keeps it when flock alone is killed. What an init system kills is flock, so the next start is refused. See the next.",
		},
	},
	{
		Name: "flock-no-fork", What: "the same with -F", Package: "util-linux", Flags: words("-lockfile lock"), NoPID: true,
		Command: words("flock -n -F {dir}/lock sleep 1000"),
		Remarks: map[string]string{
			"": "Then flock becomes the command, and what is killed is what has the lock.",
		},
	},
	{
		Name: "chpst", What: "lock of runit", Package: "runit", Flags: words("-lockfile lock"), NoPID: true,
		Command: words("chpst -L {dir}/lock sleep 1000"),
		Remarks: map[string]string{
			"": "It becomes the command, and what is killed is what has the lock.",
		},
	},
}
