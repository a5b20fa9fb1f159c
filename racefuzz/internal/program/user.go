package program

import (
	"fmt"
	"os"
	"os/user"
)

// Account returns whom the program is to run as, or nil where that is who runs
// this. Only root can run a program as somebody else.
func (p *Program) Account() (*user.User, error) {
	if p.User == "" {
		return nil, nil
	}
	account, err := user.Lookup(p.User)
	if err != nil {
		return nil, fmt.Errorf("-user %s: there is nobody of that name", p.User)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("-user %s: only root can run a program as somebody else", p.User)
	}
	return account, nil
}
