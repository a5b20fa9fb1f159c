package main

// pair is two commands that share files.
type pair struct {
	Name    string
	Setup   []string
	A, B    string
	Version string // the command that says which version it is, if it is not --version
	Debian  string // the package of Debian's that has it
	NPM     string // likewise of npm's
}

var pairs = []pair{
	{Name: "go", A: "go env -w GOPROXY=off", B: "go env -w GOSUMDB=off", Version: "go version"},
	{Name: "kubectl", A: "kubectl config set-context a --cluster=a", B: "kubectl config set-context b --cluster=b", Version: "kubectl version --client"},
	{Name: "npm", A: "npm config set fund=false", B: "npm config set audit=false"},
	{Name: "pip", A: "pip config set global.retries 3", B: "pip config set global.no-color true"},
	{Name: "gh", A: "gh config set pager less", B: "gh config set browser w3m", Debian: "gh"},
	{Name: "codex", A: "codex mcp add a -- a", B: "codex mcp add b -- b", NPM: "@openai/codex"},
	{Name: "claude", A: "claude mcp add --scope user a -- a", B: "claude mcp add --scope user b -- b", NPM: "@anthropic-ai/claude-code"},
	{
		Name: "ssh-keygen", A: "ssh-keygen -R a -f {dir}/known_hosts", B: "ssh-keygen -R b -f {dir}/known_hosts", Version: "ssh -V",
		Setup: []string{
			"ssh-keygen -q -t ed25519 -N '' -f key",
			`for host in a b c; do echo "$host $(cut -d ' ' -f 1,2 key.pub)" >>known_hosts; done`,
		},
	},
	{
		Name: "update-alternatives",
		A:    "update-alternatives --log {dir}/log --altdir {dir}/alt --admindir {dir}/admin --install {dir}/f f {dir}/f2 20",
		B:    "update-alternatives --log {dir}/log --altdir {dir}/alt --admindir {dir}/admin --install {dir}/f f {dir}/f3 30",
		Setup: []string{
			"mkdir alt admin", "touch f1 f2 f3",
			"update-alternatives --quiet --log {dir}/log --altdir {dir}/alt --admindir {dir}/admin --install {dir}/f f {dir}/f1 10",
		},
	},
	{Name: "git", A: "git config --global user.name x", B: "git config --global user.email y"},
	{
		Name: "useradd", A: "useradd -P {dir}/root u1", B: "useradd -P {dir}/root u2", Version: "dpkg-query -W -f ${Package}-${Version} passwd",
		Setup: []string{
			"mkdir -p root/etc root/home",
			"for f in passwd shadow group gshadow subuid subgid; do : >root/etc/$f; done; cp /etc/login.defs root/etc/",
			"echo root:x:0:0:root:/root:/bin/sh >root/etc/passwd; echo root:x:0: >root/etc/group",
		},
	},
}
