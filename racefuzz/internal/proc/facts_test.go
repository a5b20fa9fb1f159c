package proc

// Proves that the oracle accepts what a correct server may show, however slow
// the machine is, and names the invariant that each bug breaks. It starts from
// recorded events, a line each: from when to when in milliseconds, who (with
// the number of the server's process), the operation, its result, and after
// bars what else is known.

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// recorded parses events.
func recorded(t *testing.T, text string) []event {
	t.Helper()
	var events []event
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		parts := strings.Split(line, " | ")
		words := strings.SplitN(parts[0], " ", 4)
		var from, to int
		if _, err := fmt.Sscanf(words[0], "%d-%d", &from, &to); err != nil || len(words) < 3 {
			t.Fatalf("line %q: %v", line, err)
		}
		e := event{began: time.Duration(from) * time.Millisecond}
		e.Time = time.Duration(to) * time.Millisecond
		e.Actor, e.Op = words[1], words[2]
		if digits := strings.TrimLeft(e.Actor, "abcdefghijklmnopqrstuvwxyz"); digits != "" {
			e.life, _ = strconv.Atoi(digits)
			e.Actor = strings.TrimSuffix(e.Actor, digits)
		}
		if len(words) == 4 {
			e.Result = words[3]
		}
		if e.Op == opStart {
			e.pid, _ = strconv.Atoi(e.Result)
		}
		for _, part := range parts[1:] {
			switch key, value, _ := strings.Cut(part, "="); key {
			case "pid":
				e.pid, _ = strconv.Atoi(value)
			case "object":
				e.object, _ = strconv.Atoi(value)
			case "detail":
				e.Detail = value
			case "texts":
				e.texts = strings.Split(value, ",")
			default:
				t.Fatalf("line %q: unknown %q", line, key)
			}
		}
		events = append(events, e)
	}
	return events
}

// Two servers: a (100) is the holder from 20 at the latest, b (101) its
// standby.
const twoServers = `
	0-1 a1 start 100
	10-15 a1 initialize ok
	16-20 a1 role holder | detail=(recorded: held 100) | pid=100
	20-21 b2 start 101
	30-35 b2 initialize ok
	36-40 b2 role standby | detail=(recorded: held 100) | pid=100
`

// a is stopped in order.
const aStops = `
	100-100 a1 eof
	120-120 a1 exit 0
`

// b is killed, and c (102) comes, is the holder and goes in order.
const bKilledThenC = `
	200-200 b2 kill
	210-210 b2 exit killed
	220-221 c3 start 102
	230-235 c3 initialize ok
	240-245 c3 role holder
	250-250 c3 term
	260-260 c3 exit 0
`

func TestOracle(t *testing.T) {
	link := race.Case{Files: []race.File{{Name: race.PIDFile, Kind: race.Link, Content: "x"}}}
	loose := race.Case{Options: map[string]string{dirPerm: "0755"}}
	for _, tt := range []struct {
		name   string
		c      race.Case
		events string
		want   race.Invariant // "" for none
	}{
		{name: "nothing happens"},
		{name: "one holder and its standby", events: twoServers + aStops + bKilledThenC},

		{name: "starts over in another order than begun", events: `
			0-2 b2 start 101
			0-3 a1 start 100
			10-15 a1 initialize ok
			16-20 a1 role holder
			21-22 reader read "100\n"
			23-24 b2 role standby`},

		{name: "two holders", want: race.OneHolder, events: twoServers + `50-55 b2 role holder`},
		{name: "a holder after another was told to stop", events: twoServers + aStops + `105-130 b2 role holder`},
		{name: "a holder whose answer overlaps the other's stop", events: twoServers + aStops + `90-105 b2 role holder`},
		{name: "a holder after another went by itself, but that is wrong", want: race.ServersAnswerAndStop, events: twoServers + `
			60-65 b2 role holder
			70-70 a1 exit 2 | detail=panic`},

		{name: "the holder's pid is read", events: twoServers + `50-51 reader read "100\n"`},
		{name: "an empty file is read", want: race.ReadersFindTheHolder, events: twoServers + `50-51 reader read ""`},
		{name: "another pid is read", want: race.ReadersFindTheHolder, events: twoServers + `50-51 reader read "101\n"`},
		{name: "the rest of a longer pid is read", want: race.CrashesAreTakenOver, events: twoServers + `50-51 reader read "100\n47\n"`},
		{name: "an empty file is read before the holder is known", events: twoServers + `19-22 reader read ""`},
		{name: "a read that ends after the stop", events: twoServers + aStops + `99-101 reader read -`},

		{name: "a pid file remains", want: race.NothingRemains, events: twoServers + aStops + bKilledThenC + `300-301 last look server.pid`},
		{name: "a temporary file remains", want: race.NothingRemains, events: twoServers + aStops + bKilledThenC + `300-301 last look server.pid.tmp`},
		{name: "nothing remains", events: twoServers + aStops + bKilledThenC + `300-301 last look nothing`},
		{name: "a pid file remains after a kill", events: twoServers + aStops + `
			200-200 b2 kill
			210-210 b2 exit killed
			300-301 last look server.pid`},
		{name: "a pid file is there while a server lives", events: twoServers + `300-301 last look server.pid`},
		{name: "a pid file remains of one that had to be killed", want: race.ServersAnswerAndStop, events: twoServers + aStops + `
			130-130 b2 eof
			140-140 b2 exit 0
			220-221 c3 start 102
			230-235 c3 initialize ok
			240-245 c3 role holder
			250-250 c3 term
			2250-2250 c3 outlives 2s
			2260-2260 c3 exit killed
			2300-2301 last look server.pid`},
		{name: "a pid file remains after an uninstall was killed", events: twoServers + aStops + bKilledThenC + `
			270-280 remover uninstall-cut killed | pid=110
			300-301 last look server.pid`},

		{name: "the next start fails", want: race.CrashesAreTakenOver, events: aloneKilled + `
			40-41 b2 start 101
			50-60 b2 initialize ok
			61-62 b2 role standby`},
		{name: "the next start is refused at first", want: race.CrashesAreTakenOver, events: aloneKilled + `
			40-41 b2 start 101
			50-60 b2 initialize ok
			61-62 b2 role standby
			300-301 b2 role holder`},
		{name: "a start is refused by one that may not be quite gone", events: strings.Replace(aloneKilled, "exit killed", "silent ?", 1) + `
			40-41 b2 start 101
			50-60 b2 initialize ok
			61-62 b2 role standby`},
		{name: "a start is refused by an uninstall", events: aloneKilled + `
			40-41 b2 start 101
			45-55 remover uninstall refused | pid=110
			50-60 b2 initialize ok
			61-62 b2 role standby`},
		{name: "a start is refused while the only other one is a standby", want: race.LoneStartsSucceed, events: twoServers + aStops + `
			130-131 c3 start 102
			140-150 c3 initialize ok
			151-152 c3 role standby
			153-154 b2 role standby
			400-401 c3 role holder`},

		{name: "another file is in its place", want: race.OnlyTheHolderChanges, events: twoServers + `
			50-51 reader read "100\n" | object=1
			60-61 reader read "101\n" | object=2`},
		{name: "what it holds is written over", want: race.ReadersFindTheHolder, events: twoServers + `
			50-51 reader read "100\n" | object=1
			60-61 reader read "101\n" | object=1`},
		{name: "the file is gone", want: race.OnlyTheHolderChanges, events: twoServers + `50-51 reader read -`},

		{name: "a probe names the holder", events: twoServers + `50-51 prober probe held 100 | pid=100`},
		{name: "a probe names a stranger", want: race.ProbesTellTheTruth, events: twoServers + `50-51 prober probe held 77 | pid=77`},
		{name: "a probe names a standby", want: race.ProbesTellTheTruth, events: twoServers + `
			50-51 prober probe held 101 | pid=101
			60-61 b2 role standby`},
		{name: "a probe finds nobody", want: race.ProbesTellTheTruth, events: twoServers + `50-51 asker status absent`},
		{name: "a probe finds nobody while the holder stops", events: twoServers + aStops + `90-110 asker status stale`},
		{name: "a probe finds somebody when all have gone", want: race.ProbesTellTheTruth, events: twoServers + aStops + bKilledThenC + `
			300-301 prober probe held`},
		{name: "a probe that began before a server crashed finds an uninstall", events: twoServers + `
			60-60 b2 eof
			65-65 b2 exit 0
			70-70 a1 kill
			75-75 a1 exit killed
			66-90 prober probe held 110 | pid=110
			76-95 remover uninstall done | pid=110`},
		{name: "a probe that began before its standby and then the holder crashed finds what is left", events: twoServers + `
			66-90 reader read "100\n"
			70-70 b2 kill
			75-75 b2 exit killed
			80-80 a1 kill
			85-85 a1 exit killed
			67-95 asker status stale`},
		{name: "a probe finds an uninstall", events: twoServers + aStops + bKilledThenC + `
			300-303 prober probe held 110 | pid=110
			290-310 remover uninstall done | pid=110`},
		{name: "a standby names the dead", want: race.ProbesTellTheTruth, events: twoServers + aStops + `
			130-131 b2 role standby | detail=(recorded: held 100) | pid=100`},

		{name: "nobody is named for two seconds", want: race.AServerSucceeds, events: twoServers + aStops + `130-2140 b2 settle nobody`},
		{name: "a successor is named", events: twoServers + aStops + `130-400 b2 settle 101`},

		{name: "a start answers nothing", want: race.ServersAnswerAndStop, events: `
			0-1 a1 start 100
			1-10001 a1 initialize no answer`},
		{name: "a start ends by itself", want: race.ServersAnswerAndStop, events: `
			0-1 a1 start 100
			10-10 a1 exit 1 | detail=memlatch: error: no luck`},
		{name: "a server outlives its host", want: race.ServersAnswerAndStop, events: twoServers + `
			100-100 a1 host-dies
			2100-2100 a1 outlives 2s`},
		{name: "a host dies unseen before its server lives", events: `
			0-1 a1 start 100
			2-3 a1 host-dies-held
			2100-2100 a1 outlives 2s`},
		{name: "a stop ends with an error", want: race.ServersAnswerAndStop, events: twoServers + `
			100-100 a1 term
			120-120 a1 exit 1`},
		{name: "a stop before the handler is there", events: `
			0-1 a1 start 100
			2-2 a1 term
			3-3 a1 exit terminated`},
		{name: "a request before the end of input gets no answer", want: race.ServersAnswerAndStop, events: twoServers + `
			90-91 a1 burst
			92-93 a1 add ok | texts=x
			100-100 a1 eof
			120-120 a1 exit 0 | texts=y`},
		{name: "a request that may not have been read gets no answer", events: twoServers + `
			90-91 a1 burst
			100-100 a1 term
			120-120 a1 exit 0 | texts=y`},
		{name: "a request was done and not answered", want: race.ServersAnswerAndStop, events: twoServers + `
			90-91 a1 burst
			100-100 a1 term
			120-120 a1 exit 0 | texts=y
			130-140 b2 list 1 memories | texts=y`},
		{name: "a request ran out of time", events: twoServers + `
			90-91 a1 burst
			100-100 a1 eof
			1700-1700 a1 exit 0 | texts=y`},
		{name: "a tool fails in the time that a stop leaves it", want: race.ServersAnswerAndStop, events: twoServers + `
			100-100 a1 term
			90-1500 a1 add context canceled | texts=x`},
		{name: "a stop leaves a tool no more time", events: twoServers + `
			100-100 a1 term
			90-1700 a1 add context canceled | texts=x
			1710-1710 a1 exit 0`},
		{name: "a tool fails", want: race.ServersAnswerAndStop, events: twoServers + `50-60 a1 add database is locked | texts=x`},
		{name: "a tool fails during an uninstall", events: twoServers + `
			45-55 remover uninstall refused | pid=110
			50-60 a1 add the memories are being removed | texts=x`},

		{name: "a memory is there", events: twoServers + `
			50-60 a1 add ok | texts=x
			70-80 b2 list 1 memories | texts=x`},
		{name: "a memory is lost", want: race.UninstallSparesWhatIsUsed, events: twoServers + `
			50-60 a1 add ok | texts=x
			70-80 b2 list 0 memories`},
		{name: "a memory is not yet there", events: twoServers + `
			70-80 b2 list 0 memories
			65-90 a1 add ok | texts=x`},
		{name: "a memory was removed", events: twoServers + `50-60 a1 add ok | texts=x` + aStops + `
			150-160 remover uninstall done | pid=110
			170-180 b2 list 0 memories`},
		{name: "a memory is removed from a store in use", want: race.UninstallSparesWhatIsUsed, events: twoServers + `
			50-60 b2 add ok | texts=x` + aStops + `
			150-160 remover uninstall-cut killed | pid=110
			170-180 b2 list 0 memories`},
		{name: "uninstall is done while the store is open", want: race.UninstallSparesWhatIsUsed, events: twoServers + `
			50-60 b2 add ok | texts=x` + aStops + `
			150-160 remover uninstall done | pid=110`},
		{name: "uninstall leaves something", want: race.UninstallSparesWhatIsUsed, events: twoServers + aStops + bKilledThenC + `
			300-310 last uninstall done | pid=110
			311-312 last look-home store`},
		{name: "uninstall leaves nothing", events: twoServers + aStops + bKilledThenC + `
			300-310 last uninstall done | pid=110
			311-312 last look-home nothing`},
		{name: "uninstall refuses for no reason", want: race.UninstallSparesWhatIsUsed, events: twoServers + aStops + bKilledThenC + `
			300-310 last uninstall refused | pid=110`},

		{name: "a link is refused", c: link, events: `
			0-1 a1 start 100
			10-10 a1 exit 1 | detail=memlatch: error: it is a link`},
		{name: "a link is refused without a word", c: link, want: race.NothingIsClobbered, events: `
			0-1 a1 start 100
			10-10 a1 exit 1`},
		{name: "a link is followed", c: link, want: race.NothingIsClobbered, events: `
			0-1 a1 start 100
			10-10 last find x became "100\n"`},
		{name: "a probe blocks", c: link, want: race.NothingIsClobbered, events: `0-5000 asker status blocked`},
		{name: "an open directory is used", c: loose, want: race.NothingIsClobbered, events: twoServers},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			v := verdict(tt.c, recorded(t, tt.events))
			if v.Invariant != tt.want {
				t.Errorf("verdict %q, want %q", v, tt.want)
			}
		})
	}
}

// One server, a (100), was the holder and was killed.
const aloneKilled = `
	0-1 a1 start 100
	10-15 a1 initialize ok
	16-20 a1 role holder
	30-30 a1 kill
	35-35 a1 exit killed
`

func TestVerdictNamesTheForemostInvariant(t *testing.T) {
	v := verdict(race.Case{}, recorded(t, twoServers+`
		50-51 reader read ""
		60-61 b2 role holder`))
	if v.Invariant != race.OneHolder || v.Event != 7 {
		t.Errorf("verdict %q at event %d, want I1 at 7", v, v.Event)
	}
}

func TestOracleOfPrograms(t *testing.T) {
	stale := []race.File{{Name: race.PIDFile, Kind: race.Regular, Content: "{dead}\n"}}
	tests := []struct {
		name   string
		files  []race.File
		events string
		breaks race.Invariant
	}{
		{"it serves and stops", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-4 a1 eof\n5-5 a1 exit 0\n6-6 last look nothing", ""},
		{"a start is refused beside a server", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-5 b2 start 101\n6-6 b2 exit 1\n7-7 a1 eof\n8-8 a1 exit 0", ""},
		{"a start is refused beside one that was killed later", nil, "0-1 a1 start 100\n2-3 b2 start 101\n4-4 b2 exit 1\n5-5 a1 kill\n6-6 a1 exit killed", ""},
		{"a start is refused, and nobody is there", nil, "0-1 a1 start 100\n2-2 a1 exit 1", race.LoneStartsSucceed},
		{"both starts are refused", nil, "0-1 a1 start 100\n0-1 b2 start 101\n3-3 a1 exit 1\n4-4 b2 exit 1", race.LoneStartsSucceed},
		{"a start is refused by a stale file", stale, "0-1 a1 start 100\n2-2 a1 exit 1", race.CrashesAreTakenOver},
		{"a start is refused after a crash", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-4 a1 kill\n5-5 a1 exit killed\n6-7 b2 start 101\n8-8 b2 exit 1", race.CrashesAreTakenOver},
		{"two serve", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-5 b2 start 101\n6-7 b2 ready holder\n8-8 a1 eof", race.OneHolder},
		{"one serves after the other", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-4 a1 eof\n5-6 b2 start 101\n7-8 b2 ready holder", ""},
		{"the file has another's pid", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-5 reader read \"101 x\\n\"\n6-6 a1 eof", race.ReadersFindTheHolder},
		{"the file has its pid", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-5 reader read \"100 x\\n\"\n6-6 a1 eof", ""},
		{"the file is gone", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-5 reader read -\n6-6 a1 eof", race.OnlyTheHolderChanges},
		{"something is left", nil, "1-1 a1 start 100\n2-3 a1 ready holder\n4-4 a1 eof\n5-5 a1 exit 0\n6-6 last look core", race.NothingRemains},
		{"a standby is not recorded in the end", nil, "0-1 a1 start 100\n2-3 a1 ready standby\n4-9 a1 settle nobody", race.AServerSucceeds},
		{"it does not stop", nil, "0-1 a1 start 100\n2-3 a1 ready holder\n4-4 a1 eof\n9-9 a1 outlives 2s", race.ServersAnswerAndStop},
		{"it never gets ready", nil, "0-1 a1 start 100\n2-9 a1 ready no answer", race.ServersAnswerAndStop},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := program.Program{Ready: "file", Stop: "eof", Losers: "exit", Content: "{pid} x\n"}
			c := race.Case{Command: []string{"x"}, Files: tt.files, Options: m.Options()}
			if v := verdict(c, recorded(t, tt.events)); v.Invariant != tt.breaks {
				t.Errorf("%v, want %q", v, tt.breaks)
			}
		})
	}
}
