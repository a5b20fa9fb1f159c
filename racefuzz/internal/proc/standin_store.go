package proc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/memlatch/memlatch/lock"
)

// answer answers one line.
func (v *standInServer) answer(line []byte) {
	var request struct {
		ID     *int
		Method string
		Params struct {
			Name      string
			Arguments struct{ Text string }
		}
	}
	if json.Unmarshal(line, &request) != nil || request.ID == nil {
		return
	}
	runtime.GC() // what nobody refers to is gone by the next request
	var result any = map[string]any{"protocolVersion": "2025-06-18", "serverInfo": map[string]any{"name": v.Name}}
	if request.Method == "tools/call" {
		content, err := v.tool(request.Params.Name, request.Params.Arguments.Text)
		result = map[string]any{"structuredContent": content}
		if err != nil {
			result = map[string]any{"isError": true, "content": []any{map[string]any{"text": err.Error()}}}
		}
	}
	reply, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": *request.ID, "result": result})
	os.Stdout.Write(append(reply, '\n'))
}

func (v *standInServer) tool(name, text string) (any, error) {
	switch name {
	case "mem_status":
		return v.role()
	case "mem_add":
		return map[string]any{}, v.add(text)
	case "mem_list":
		return v.list()
	}
	return nil, fmt.Errorf("no tool %q", name)
}

func (v *standInServer) role() (any, error) {
	v.mu.Lock()
	role := standby
	if v.holder != nil {
		role = holder
	}
	v.mu.Unlock()
	recorded, err := v.Probe(v.pidFile)
	return map[string]any{"role": role, "recorded": standInAnswer(recorded)}, err
}

func standInAnswer(s lock.Status) any { return map[string]any{"state": s.State.String(), "pid": s.PID} }

// The files of a store. The second is there for it to be more than one file.
const (
	standInData  = "memories.db"
	standInIndex = "memories.db-wal"
	standInLock  = "store.lock"
	standInAside = "store.removing-"
)

// open opens the store for good.
func (v *standInServer) open() error {
	for v.barrier == nil {
		if err := os.MkdirAll(v.store, 0o700); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		b, err := lock.Share(ctx, filepath.Join(v.store, standInLock))
		cancel()
		if errors.Is(err, fs.ErrNotExist) {
			continue // an uninstall has just moved the directory away
		}
		if err != nil {
			return err
		}
		v.barrier = b
	}
	return nil
}

func (v *standInServer) add(text string) error {
	if err := v.open(); err != nil {
		return err
	}
	for _, name := range []string{standInIndex, standInData} {
		f, err := os.OpenFile(filepath.Join(v.store, name), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text + "\n")
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (v *standInServer) list() (any, error) {
	memories := []any{}
	f, err := os.Open(filepath.Join(v.store, standInData))
	if err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			memories = append(memories, map[string]any{"text": lines.Text()})
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return map[string]any{"memories": memories}, err
}
