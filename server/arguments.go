package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

// What a tool takes or returns is a struct whose tags say what a host is told
// and what is demanded of arguments: "about" is the description; "least" and
// "most" bound a number, and "usual" is the one for none; "length" bounds a
// string, in characters, and "items" an array; "enum" lists what a string may
// be; "path" is for one that must not depend on the current directory, for a host
// chose that; "example" is a value in JSON. What the "json" tag may omit need not
// be given.

// member is a field that JSON has too.
type member struct {
	reflect.StructField
	name     string
	optional bool
}

// members lists those of the struct type t.
func members(t reflect.Type) (all []member) {
	for _, f := range reflect.VisibleFields(t) {
		if name, options, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			all = append(all, member{f, name, options != ""})
		}
	}
	return all
}

// bound is the number in one of the member's tags, or 0.
func (m member) bound(tag string) int {
	n, _ := strconv.Atoi(m.Tag.Get(tag))
	return n
}

// decode reads a tool's arguments into the struct that args points to. Its
// errors tell a model what to change.
func decode(raw any, args any) error {
	encoded, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	var given map[string]json.RawMessage
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](json.Unmarshal(encoded, &given)); ok {
		return fmt.Errorf("arguments must be an object, not a %s", mismatch.Value)
	}
	known := []string{}
	taken := map[string]json.RawMessage{}
	for _, m := range members(reflect.TypeOf(args).Elem()) {
		known = append(known, " "+strconv.Quote(m.name))
		if usual := m.bound("usual"); usual > 0 {
			taken[m.name] = json.RawMessage(strconv.Itoa(usual))
		}
		if value, ok := given[m.name]; ok && string(value) != "null" {
			taken[m.name] = meant(value, m.Type.Kind())
		}
		delete(given, m.name)
	}
	if len(given) > 0 { // package json is not particular about case
		return fmt.Errorf("there is no argument %q; there are%s", slices.Min(slices.Collect(maps.Keys(given))),
			cmp.Or(strings.Join(known, ","), " none"))
	}
	if encoded, err = json.Marshal(taken); err == nil {
		err = json.Unmarshal(encoded, args)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return mustBe(mismatch, args)
	}
	return errors.Join(err, validate(args))
}

// meant is what a model that wrote raw for a value of some kind must have
// meant: there is but one way to take 5.0, "5" and "[\"a\",\"b\"]".
func meant(raw json.RawMessage, kind reflect.Kind) json.RawMessage {
	value, text := raw, ""
	if json.Unmarshal(raw, &text) == nil {
		value = json.RawMessage(text)
	}
	_, notWhole := strconv.ParseInt(string(value), 10, 64)
	n, notNumber := strconv.ParseFloat(string(value), 64)
	switch number := kind == reflect.Int || kind == reflect.Int64; {
	case !json.Valid(value):
	case kind == reflect.Slice && value[0] == '[', number && notWhole == nil:
		return value
	case number && notNumber == nil && n == math.Trunc(n) && math.Abs(n) < 1<<53:
		return strconv.AppendInt(nil, int64(n), 10)
	}
	return raw
}

// jsonTypes are what JSON and people call the types of members.
var jsonTypes = map[reflect.Kind][2]string{
	reflect.Bool: {"boolean"}, reflect.Struct: {"object"}, reflect.Slice: {"array", "an array of strings"},
	reflect.Int: {"integer", "a whole number"}, reflect.Int64: {"integer", "a whole number"},
	reflect.String: {"string", "a string"}, reflect.Pointer: {"string", "a string"},
}

// mustBe says what a field of args must be.
func mustBe(mismatch *json.UnmarshalTypeError, args any) error {
	name, kind := mismatch.Field[strings.LastIndex(mismatch.Field, ".")+1:], mismatch.Type.Kind()
	for _, m := range members(reflect.TypeOf(args).Elem()) {
		if m.name == name {
			kind = m.Type.Kind() // and not that of one item
		}
	}
	return fmt.Errorf("%q must be %s, not %s", name, jsonTypes[kind][1], mismatch.Value)
}

// validate returns what is wrong with the struct that args points to.
func validate(args any) (err error) {
	complain := func(format string, args ...any) { err = errors.Join(err, fmt.Errorf(format, args...)) }
	for _, m := range members(reflect.TypeOf(args).Elem()) {
		value := reflect.ValueOf(args).Elem().FieldByIndex(m.Index)
		if m.optional && value.IsZero() && m.bound("usual") == 0 {
			continue
		}
		value = reflect.Indirect(value)
		switch most, items, length := m.bound("most"), m.bound("items"), m.bound("length"); {
		case most > 0 && (value.Int() < 1 || value.Int() > int64(most)):
			complain("%q is %d, and must be from 1 to %d", m.name, value.Int(), most)
		case m.bound("least") > 0 && value.Int() < 1:
			complain("%q must be a positive whole number", m.name)
		case items > 0 && value.Len() > items:
			complain("%q has %d items, and %d are the most", m.name, value.Len(), items)
		case m.Tag.Get("path") != "" && !filepath.IsAbs(value.String()):
			complain("%q must be the whole path of a file", m.name)
		case items > 0:
			for i := range value.Len() {
				err = errors.Join(err, checkLength(fmt.Sprintf("%s[%d]", m.name, i), value.Index(i).String(), length))
			}
		case length > 0:
			err = errors.Join(err, checkLength(m.name, value.String(), length))
		}
	}
	return err
}

// checkLength requires between 1 and most characters other than white space
// alone.
func checkLength(argument, value string, most int) error {
	switch n := utf8.RuneCountInString(value); {
	case strings.TrimSpace(value) == "":
		return fmt.Errorf("%q is missing or empty", argument)
	case n > most:
		return fmt.Errorf("%q has %d characters, and %d are the most", argument, n, most)
	}
	return nil
}

// object is the JSON Schema of a struct.
func object(t reflect.Type) mcp.ToolArgumentsSchema {
	o := mcp.ToolArgumentsSchema{Type: "object", Properties: map[string]any{}}
	for _, m := range members(t) {
		o.Properties[m.name] = m.schema()
		if !m.optional {
			o.Required = append(o.Required, m.name)
		}
	}
	return o
}

// schema is the JSON Schema of a member.
func (m member) schema() map[string]any {
	s := map[string]any{"type": jsonTypes[m.Type.Kind()][0]}
	for tag, key := range map[string]string{"least": "minimum", "most": "maximum", "usual": "default", "length": "maxLength", "items": "maxItems"} {
		if n := m.bound(tag); n > 0 {
			s[key] = n
		}
	}
	if about := m.Tag.Get("about"); about != "" {
		s["description"] = about
	}
	if enum := m.Tag.Get("enum"); enum != "" {
		s["enum"] = strings.Fields(enum)
	}
	if example := m.Tag.Get("example"); example != "" {
		s["examples"] = []json.RawMessage{json.RawMessage(example)}
	}
	switch {
	case m.Type == reflect.TypeFor[time.Time]():
		s["type"] = "string"
	case m.Type.Kind() == reflect.Struct:
		o := object(m.Type)
		s["properties"], s["required"] = o.Properties, o.Required
	case m.Type.Kind() == reflect.Slice:
		delete(s, "maxLength")
		m.Type, m.Tag, m.optional = m.Type.Elem(), reflect.StructTag(fmt.Sprintf("length:%q", m.Tag.Get("length"))), false
		s["items"] = m.schema()
	case s["maxLength"] != nil && !m.optional:
		s["minLength"] = 1
	}
	return s
}

// explain is err as a model should read it, with the remedy if there is one.
func explain(err error) string {
	if hint := remedy(err); hint != "" {
		return err.Error() + "; to mend it: " + hint
	}
	return err.Error()
}
