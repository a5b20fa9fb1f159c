package trace

import (
	"fmt"
	"net/url"
	"strings"
)

// Words of moves that are not system calls.
const (
	opStart  = "start"
	opProbe  = "probe" // asks whether a server runs
	opStop   = "stop"
	opCrash  = "crash"
	opRemove = "remove" // an operator's rm
)

// settings are how the program under test is used and what it promises, as
// they stand in [race.Case.Options].
type settings struct {
	ready   string   // regular expression its output matches when it serves, "file" or "quiet"
	stop    string   // "eof", "term", "int", or a command
	losers  string   // what a refused start does: "exit" or "serve"
	lock    string   // name of a separate lock file, or ""
	content string   // what the pid file holds while it serves, "{pid}" for the pid; "" when nothing is promised
	leaves  []string // names in the directory when it has stopped in order
	probe   []string
}

func (s settings) options() map[string]string {
	m := map[string]string{"ready": s.ready, "stop": s.stop, "losers": s.losers}
	if s.lock != "" {
		m["lockfile"] = s.lock
	}
	if s.content != "" {
		m["content"] = fmt.Sprintf("%q", s.content)
	}
	if len(s.leaves) > 0 {
		m["leaves"] = strings.Join(s.leaves, " ")
	}
	if len(s.probe) > 0 {
		words := make([]string, len(s.probe))
		for i, word := range s.probe {
			words[i] = url.QueryEscape(word)
		}
		m["probe"] = strings.Join(words, " ")
	}
	return m
}

func parseSettings(m map[string]string) (settings, error) {
	s := settings{ready: m["ready"], stop: m["stop"], losers: m["losers"], lock: m["lockfile"], leaves: strings.Fields(m["leaves"])}
	for word := range strings.SplitSeq(m["probe"], " ") {
		if word == "" {
			break
		}
		text, err := url.QueryUnescape(word)
		if err != nil {
			return s, fmt.Errorf("option probe: %w", err)
		}
		s.probe = append(s.probe, text)
	}
	if quoted := m["content"]; quoted != "" {
		if _, err := fmt.Sscanf(quoted, "%q", &s.content); err != nil {
			return s, fmt.Errorf("option content: %w", err)
		}
	}
	return s, nil
}
