module example.org/locks

go 1.26.0

require (
	github.com/alexflint/go-filemutex v1.3.0
	github.com/docker/docker v28.5.2+incompatible
	github.com/gofrs/flock v0.13.2
	github.com/nightlyone/lockfile v1.0.0
	github.com/rogpeppe/go-internal v1.16.0
)

require golang.org/x/sys v0.49.0 // indirect
