package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/memlatch/memlatch/ci/host"
)

// bridge lets a client of MCP's streamable HTTP speak with servers on standard
// input and output: each session has a child process of its own. It knows as
// much of the transport as a client of requests needs, and is for loopback.
type bridge struct {
	ctx   context.Context
	start func(context.Context) *exec.Cmd

	mu       sync.Mutex
	sessions map[string]*host.Session
}

const (
	sessionHeader = "Mcp-Session-Id"
	maxBody       = 1 << 20 // bytes
)

func (b *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		b.post(w, r)
	case http.MethodDelete:
		b.delete(w, r)
	default:
		w.Header().Set("Allow", "POST, DELETE")
		http.Error(w, "no stream of its own is offered", http.StatusMethodNotAllowed)
	}
}

func (b *bridge) post(w http.ResponseWriter, r *http.Request) {
	message, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var head struct{ Method string }
	if err := json.Unmarshal(message, &head); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := r.Header.Get(sessionHeader)
	if head.Method == "initialize" {
		if id, err = b.open(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set(sessionHeader, id)
	}
	s := b.session(id)
	if s == nil {
		http.Error(w, "no such session", http.StatusNotFound)
		return
	}
	answer, err := s.Exchange(r.Context(), message)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadGateway)
	case answer == nil:
		w.WriteHeader(http.StatusAccepted)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer)
	}
}

func (b *bridge) delete(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(sessionHeader)
	s := b.session(id)
	if s == nil {
		http.Error(w, "no such session", http.StatusNotFound)
		return
	}
	b.mu.Lock()
	delete(b.sessions, id)
	b.mu.Unlock()
	s.Close(b.ctx)
}

func (b *bridge) open() (id string, err error) {
	s, err := host.Start(b.start(b.ctx))
	if err != nil {
		return "", err
	}
	id = rand.Text()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sessions[id] = s
	return id, nil
}

func (b *bridge) session(id string) *host.Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions[id]
}

// close ends all children: they have as long as hosts give them.
func (b *bridge) close() (err error) {
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.sessions {
		if closeErr := s.Close(ctx); closeErr != nil {
			err = closeErr
		}
		delete(b.sessions, id)
	}
	return err
}
