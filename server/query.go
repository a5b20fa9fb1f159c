package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keyword is a word of a query, or a "quoted phrase".
type keyword struct {
	text   string
	phrase bool
}

// parseQuery returns those that have something to look for: letters, digits,
// or symbols such as emoji.
func parseQuery(query string) (keywords []keyword) {
	for i, part := range strings.Split(strings.ReplaceAll(query, "\x00", " "), `"`) {
		words, phrase := []string{part}, i%2 == 1
		if !phrase {
			words = strings.FieldsFunc(part, func(r rune) bool { return unicode.IsSpace(r) || r > 0x2fff && unicode.IsPunct(r) })
		}
		for _, word := range words {
			k := keyword{strings.TrimFunc(word, func(r rune) bool { return r == 0xfe0f || r != '#' && unicode.In(r, unicode.P, unicode.White_Space) }), phrase}
			if strings.ContainsFunc(k.text, sought) && !slices.ContainsFunc(keywords, func(other keyword) bool { return strings.EqualFold(k.text, other.text) }) {
				keywords = append(keywords, k)
			}
		}
	}
	return keywords
}

func sought(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || r >= utf8.RuneSelf && unicode.IsSymbol(r)
}

// quoted is k as FTS5 takes it, in which nothing is an operator.
func (k keyword) quoted() string { return `"` + k.text + `"` }

// letters is k without what parts its words, as in "e-mail".
func (k keyword) letters() string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, strings.ToLower(k.text))
}

// pairs are the neighbours in "getUserName" and in "get_user_name".
func (k keyword) pairs() (pairs []string) {
	for words, i := humps.FindAllString(k.text, -1), 1; i < len(words); i++ {
		pairs = append(pairs, words[i-1]+" "+words[i])
	}
	return pairs
}

// parts are what a word has in it if it has k as a part: k without a plural's
// ending or one of Korean, as it is or joined.
func (k keyword) parts() (parts []string) {
	text := strings.ToLower(k.text)
	if k.phrase {
		return []string{text}
	}
	add := func(part string, least int) {
		if len(part) > pieceLength {
			part = strings.TrimSuffix(part, "s")
		}
		if utf8.RuneCountInString(part) >= least && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	add(text, 1)
	for _, joined := range append(k.pairs(), k.letters()) {
		add(strings.ToLower(strings.ReplaceAll(joined, " ", "")), pieceLength)
	}
	if runes := []rune(text); len(runes) > 2 && unicode.Is(unicode.Hangul, runes[0]) {
		add(string(runes[:len(runes)-1]), 2)
		add(string(runes[:len(runes)-2]), 2)
	}
	return parts
}

// unparted are scripts that do not part their words.
var unparted = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// maxAkin bounds the length of a word that others are made of, in characters.
const maxAkin = 40

var (
	// humps are the words that make up one.
	humps = regexp.MustCompile(`\p{Lu}*[\p{Ll}\p{Lo}\p{N}]+|\p{Lu}+`)
	// endings are those of plurals that have a stem of their own.
	endings = [][2]string{{"ex", "ices"}, {"ix", "ices"}, {"exes", "ices"}, {"ixes", "ices"}, {"is", "es"}, {"um", "a"}, {"on", "a"}, {"us", "i"}, {"a", "ae"}, {"f", "ves"}, {"fe", "ves"},
		{"man", "men"}, {"oot", "eet"}, {"ooth", "eeth"}, {"oose", "eese"}, {"ouse", "ice"}, {"person", "people"}}
	// small are words that are no short form of a longer one.
	small = strings.Fields("all and any are but can did for get had has her him his how its may new nor not now off one our out own per put say see set she the too two use was way who why you " +
		"been does from have here into just like more most much only over some such than that them then they this very were what when with your")
)

// akin lists in FTS5's syntax the words that mean what k does: it, parted or
// in one; shorter forms of it; and another number.
func (k keyword) akin() (words []string) {
	word := k.letters()
	runes := []rune(word)
	if k.phrase || len(runes) > maxAkin {
		return nil
	}
	add := func(word string) { words = append(words, `"`+word+`"`) }
	if word != strings.ToLower(k.text) {
		add(word)
	}
	for i := 1; i < len(runes); i++ {
		add(string(runes[:i]) + " " + string(runes[i:]))
		if short := string(runes[:i]); i >= pieceLength && !slices.Contains(small, short) {
			add(short)
		}
	}
	for _, pair := range k.pairs() {
		add(pair)
	}
	for _, e := range endings {
		for i := range e {
			if stem, ok := strings.CutSuffix(word, e[i]); ok && stem+e[1-i] != word {
				add(stem + e[1-i])
			}
		}
	}
	return words
}

// pieceLength is how many characters a piece of a word has.
const pieceLength = 3

// matchPieces asks in FTS5's syntax for pieces of part, each a step after the
// last, that are all in what holds it, or one of them for the operator OR.
func matchPieces(part string, step int, operator string) string {
	runes := []rune(part)
	var pieces []string
	for i := 0; i < len(runes) && len(pieces) < maxAkin; i += step {
		from := min(i, len(runes)-pieceLength)
		pieces = append(pieces, `"`+string(runes[from:from+pieceLength])+`"`)
	}
	return strings.Join(pieces, operator)
}
