package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// decode reads a tool's arguments into the struct that args points to. Its
// errors tell a model what to change.
func decode(raw any, args any) error {
	if raw == nil {
		return nil
	}
	encoded, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	var given map[string]json.RawMessage
	json.Unmarshal(encoded, &given) // what is no object has its error below
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if field(args, name) == nil { // package json is not particular about case
			return fmt.Errorf("there is no argument %q", name)
		}
	}
	err = json.Unmarshal(encoded, args)
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mismatch) && mismatch.Field == "":
		return fmt.Errorf("arguments must be an object, not a %s", mismatch.Value)
	case errors.As(err, &mismatch):
		return mustBe(mismatch, args)
	}
	return err
}

// field is the type of the field of args that JSON calls name, or nil.
func field(args any, name string) reflect.Type {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(args).Elem()) {
		if f.Tag.Get("json") == name {
			return f.Type
		}
	}
	return nil
}

// mustBe says what a field of args must be.
func mustBe(mismatch *json.UnmarshalTypeError, args any) error {
	name := mismatch.Field[strings.LastIndex(mismatch.Field, ".")+1:]
	t := mismatch.Type
	if whole := field(args, name); whole != nil {
		t = whole // and not that of one item
	}
	return fmt.Errorf("%q must be %s, not %s", name, jsonType(t), mismatch.Value)
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "an array of strings"
	case reflect.String:
		return "a string"
	default:
		return "a whole number"
	}
}

// explain is err as a model should read it, with the remedy if there is one.
func explain(err error) string {
	var p *problem
	if errors.As(err, &p) && p.hint != "" {
		return err.Error() + "; to mend it: " + p.hint
	}
	return err.Error()
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

func checkTag(tag string) error {
	if tag == "" {
		return nil
	}
	return checkLength("tag", tag, maxTag)
}

// checkLimit returns limit, or standard where it was not given.
func checkLimit(limit *int, standard, most int) (int, error) {
	switch {
	case limit == nil:
		return standard, nil
	case *limit < 1 || *limit > most:
		return 0, fmt.Errorf(`"limit" is %d, and must be from 1 to %d`, *limit, most)
	}
	return *limit, nil
}
