package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/tailscale/hujson"
	"go.yaml.in/yaml/v3"
	"gopkg.in/ini.v1"
)

// Format is how a regular file is read.
type Format string

// The formats, in the order in which they are tried.
const (
	Database Format = "sqlite"
	JSON     Format = "JSON"
	TOML     Format = "TOML"
	YAML     Format = "YAML"
	INI      Format = "INI"
	Text     Format = "text"
	Binary   Format = "binary"
)

// Item is one thing that a file holds. Path is its key; items of the same file
// with the same path are a list: lines (Path "") or the elements of an array
// (a path that ends in "[]").
type Item struct{ Path, Value string }

// listed reports whether the item stands in a list, the order of which may
// matter.
func (i Item) listed() bool { return i.Path == "" || strings.HasSuffix(i.Path, "[]") }

// formatOf guesses a file's format by its name and what it holds. The guess is
// worth something only if all that the file ever holds can be read so.
func formatOf(name string, f File) Format {
	if f.Rows != "" {
		return Database
	}
	if byName, ok := formatsByName[strings.ToLower(path.Ext(name))]; ok && f.Sum == "" {
		if _, err := parse(byName, f); err == nil {
			return byName
		}
	}
	head := bytes.TrimSpace(f.Data)
	switch {
	case f.Sum != "" || !utf8.Valid(f.Data) || bytes.IndexByte(f.Data, 0) >= 0:
		return Binary
	case len(head) > 0 && (head[0] == '{' || head[0] == '[') && reads(JSON, f):
		return JSON
	case sectionHead.Match(f.Data) && reads(INI, f):
		return INI
	case yamlHead.Match(head) && reads(YAML, f):
		return YAML
	}
	return Text
}

var formatsByName = map[string]Format{
	".json": JSON, ".jsonc": JSON, ".toml": TOML, ".yaml": YAML, ".yml": YAML, ".ini": INI, ".gitconfig": INI,
}

var (
	sectionHead = regexp.MustCompile(`^(\s*([#;].*)?\n)*\s*\[[^\]\n]+\]\s*\n`)
	yamlHead    = regexp.MustCompile(`^(---\s*\n)?[A-Za-z_][\w.-]*:([ \t].*)?(\n|$)`)
)

func reads(format Format, f File) bool {
	_, err := parse(format, f)
	return err == nil
}

// parse returns the items of a regular file. An error says why the file is not
// of that format; an empty file is of every one.
func parse(format Format, f File) ([]Item, error) {
	if format == Database {
		return parseRows(f)
	}
	if f.Sum != "" {
		return []Item{{Path: "content", Value: f.Sum}}, nil
	}
	if len(bytes.TrimSpace(f.Data)) == 0 && format != Text && format != Binary {
		return nil, nil
	}
	switch format {
	case JSON:
		return parseJSON(f.Data)
	case TOML:
		var v map[string]any
		err := toml.Unmarshal(f.Data, &v)
		return flatten(nil, "", v), err
	case YAML:
		return parseYAML(f.Data)
	case INI:
		return parseINI(f.Data)
	case Text:
		return lines(f.Data), nil
	}
	sum := sha256.Sum256(f.Data)
	return []Item{{Path: "content", Value: fmt.Sprintf("%d bytes, sha256 %s", len(f.Data), hex.EncodeToString(sum[:8]))}}, nil
}

func parseRows(f File) (items []Item, err error) {
	if f.Rows == "" && len(f.Data) > 0 {
		return nil, fmt.Errorf("it begins with %.16q", f.Data)
	}
	if reason, bad := strings.CutPrefix(f.Rows, "damaged: "); bad {
		return nil, fmt.Errorf("%s", reason)
	}
	for line := range strings.Lines(f.Rows) {
		table, row, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		items = append(items, Item{table + "[]", row})
	}
	return items, nil
}

func parseJSON(data []byte) ([]Item, error) {
	standard, err := hujson.Standardize(bytes.Clone(data))
	if err != nil {
		return nil, err
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(standard))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return flatten(nil, "", v), nil
}

// parseYAML reads a file of one or more documents, of which at least the first
// is no plain word.
func parseYAML(data []byte) (items []Item, err error) {
	defer func() { // the parser gives up on some malformed input in this way
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var v any
		if err := d.Decode(&v); err == io.EOF {
			return items, nil
		} else if err != nil {
			return nil, err
		}
		prefix := ""
		if n > 0 {
			prefix = "document " + strconv.Itoa(n+1)
		}
		if _, word := v.(string); word && n == 0 {
			return nil, fmt.Errorf("it is a plain word")
		}
		items = flatten(items, prefix, v)
	}
}

func parseINI(data []byte) (items []Item, err error) {
	file, err := ini.LoadSources(ini.LoadOptions{
		AllowBooleanKeys: true, AllowShadows: true, AllowDuplicateShadowValues: true, SpaceBeforeInlineComment: true,
		AllowPythonMultilineValues: true, KeyValueDelimiters: "=:",
	}, bytes.Clone(data))
	if err != nil {
		return nil, err
	}
	for _, section := range file.Sections() {
		prefix := section.Name() + "."
		if section.Name() == ini.DefaultSection {
			if len(section.Keys()) == 0 {
				continue
			}
			prefix = ""
		} else if len(section.Keys()) == 0 {
			items = append(items, Item{section.Name(), "[]"})
		}
		for _, key := range section.Keys() {
			values := key.ValueWithShadows()
			for _, v := range values {
				name := prefix + key.Name()
				if len(values) > 1 {
					name += "[]"
				}
				items = append(items, Item{name, v})
			}
		}
	}
	return items, nil
}

// flatten appends the items of a parsed value: one for each key that leads to
// something simple, one for each element of an array.
func flatten(items []Item, prefix string, v any) []Item {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 && prefix != "" {
			return append(items, Item{prefix, "{}"})
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = flatten(items, join(prefix, key), v[key])
		}
		return items
	case map[any]any:
		named := map[string]any{}
		for key, value := range v {
			named[fmt.Sprint(key)] = value
		}
		return flatten(items, prefix, named)
	case []any:
		if len(v) == 0 {
			return append(items, Item{prefix, "[]"})
		}
		for _, element := range v {
			items = append(items, Item{prefix + "[]", show(element)})
		}
		return items
	}
	return append(items, Item{join(prefix, ""), show(v)})
}

func join(prefix, key string) string {
	if strings.ContainsAny(key, ". \t\n") || key == "" && prefix == "" {
		key = strconv.Quote(key)
	}
	if prefix == "" || key == "" {
		return prefix + key
	}
	return prefix + "." + key
}

// show writes a value in one line, objects with their keys in order.
func show(v any) string {
	switch v := v.(type) {
	case string:
		if json.Valid([]byte(v)) { // "1" is not 1
			return strconv.Quote(v)
		}
		return v
	case map[any]any:
		return show(fmt.Sprint(v))
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // a value that JSON has no word for, such as NaN
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// lines are the items of a text. One that does not end its last line is told
// from one that does.
func lines(data []byte) (items []Item) {
	for line := range strings.Lines(string(data)) {
		text, ended := strings.CutSuffix(line, "\n")
		if !ended {
			text += noEnd
		}
		items = append(items, Item{Value: text})
	}
	return items
}

// noEnd stands behind a last line that has no line end.
const noEnd = " (no line end)"
