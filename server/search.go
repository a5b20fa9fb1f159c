package main

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"modernc.org/sqlite"
)

// Whole words are found by a table of their stems. What is only a part of a
// word, or of a sentence in a script that does not part its words, is found by
// a table of all runs of three characters; what is shorter, by a look into
// every memory. Each query yields ids and scores.
const (
	byWords  = "SELECT words.rowid, -bm25(words) FROM words CROSS JOIN memories m ON m.id = words.rowid WHERE words MATCH @match"
	byPieces = "SELECT pieces.rowid, 0 FROM pieces CROSS JOIN memories m ON m.id = pieces.rowid WHERE pieces MATCH @match AND holds(m.text, m.tags, @part)"
	byLook   = "SELECT m.id, 0 FROM memories m WHERE @match = '' AND holds(m.text, m.tags, @part)"
)

// Bounds on the memories that a search weighs for one word, the newest first:
// what more of them have hardly tells one from another.
const (
	mostWhole = 10_000
	mostParts = 200
)

func init() {
	define("tagged", func(args []string) (bool, error) {
		tags, err := decodeTags(args[0])
		return tagged(tags, args[1]), err
	})
	define("alike", func(args []string) (bool, error) {
		stored, err := decodeTags(args[0])
		given, givenErr := decodeTags(args[1])
		stored = tidy(stored)
		same := len(stored) == len(given) && !slices.ContainsFunc(stored, func(t string) bool { return !tagged(given, t) })
		return same, errors.Join(err, givenErr)
	})
	define("holds", func(args []string) (bool, error) {
		return strings.Contains(strings.ToLower(args[0]+"\x00"+args[1]), args[2]), nil
	})
}

// define has every connection know the function is on texts.
func define(name string, is func([]string) (bool, error)) {
	sqlite.MustRegisterDeterministicScalarFunction(name, -1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		texts := make([]string, len(args))
		for i, arg := range args {
			texts[i], _ = arg.(string)
		}
		return is(texts)
	})
}

// search returns up to limit memories with any of the query's words, the best
// match first: one with more of them and with rarer ones, and a whole word
// before a part of one.
func (s *store) search(ctx context.Context, query string, f filter, limit int) ([]view, error) {
	condition, args, err := f.where()
	if err != nil {
		return nil, err
	}
	q := inquiry{s, condition, args}
	scores := map[int64]float64{}
	var whole, akin, parts []string
	for _, k := range parseQuery(query) {
		hits, err := q.hits(ctx, byWords, k.quoted(), "", mostWhole)
		if err == nil && len(hits) < limit {
			akin, parts = append(akin, k.akin()...), append(parts, k.parts()...)
			err = q.extend(ctx, hits, k)
		}
		if err != nil {
			return nil, err
		}
		for id, score := range hits {
			scores[id] += score
		}
		whole = append(whole, k.quoted())
	}
	if whole == nil {
		return nil, nil
	}
	// What has all of them may be older than what was weighed for each.
	all, err := q.hits(ctx, byWords, strings.Join(whole, " AND "), "", mostParts)
	if err != nil {
		return nil, err
	}
	for id, score := range all {
		scores[id] = max(scores[id], score)
	}
	best := slices.SortedFunc(maps.Keys(scores), func(a, b int64) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(b, a))
	})
	return q.show(ctx, best[:min(limit, len(best))], strings.Join(append(whole, akin...), " OR "), parts)
}

// inquiry looks for memories that meet a condition.
type inquiry struct {
	*store
	condition string
	args      []any
}

// hits returns the scores that one of the queries yields, by id.
func (q inquiry) hits(ctx context.Context, query, match, part string, most int) (map[int64]float64, error) {
	hits := map[int64]float64{}
	args := append(slices.Clone(q.args), sql.Named("match", match), sql.Named("part", part), sql.Named("most", most))
	err := each(ctx, q, func(rows *sql.Rows) error {
		var id int64
		var score float64
		err := rows.Scan(&id, &score)
		hits[id] = score
		return err
	}, query+" AND "+q.condition+" ORDER BY 1 DESC LIMIT @most", args...)
	return hits, err
}

// extend adds to hits, which are those of the whole word, the memories that
// have one akin to it or the word as a part of another. They all score half as
// much as the last of the others.
func (q inquiry) extend(ctx context.Context, hits map[int64]float64, k keyword) error {
	var newest, pieces int64
	err := each(ctx, q, func(rows *sql.Rows) error { return rows.Scan(&newest, &pieces) },
		"SELECT coalesce(max(id), 0), (SELECT count(*) FROM sqlite_master WHERE name = 'pieces') FROM memories")
	if err != nil {
		return err
	}
	more := map[int64]float64{}
	look := func(query, match, part string) {
		found, lookErr := q.hits(ctx, query, match, part, mostParts)
		maps.Copy(more, found)
		err = errors.Join(err, lookErr)
	}
	if akin := k.akin(); akin != nil {
		look(byWords, strings.Join(akin, " OR "), "")
	}
	for _, part := range k.parts() {
		if utf8.RuneCountInString(part) < pieceLength || pieces == 0 {
			look(byLook, "", part)
		} else {
			look(byPieces, matchPieces(part, pieceLength, " AND "), part)
		}
	}
	if len(hits)+len(more) == 0 && pieces > 0 && len([]rune(k.text)) > pieceLength && !k.phrase && unicode.IsOneOf(unparted, []rune(k.text)[0]) {
		look(byPieces, matchPieces(k.text, 1, " OR "), "") // several words, perhaps
	}
	maps.DeleteFunc(more, func(id int64, _ float64) bool { _, whole := hits[id]; return whole })
	n := float64(len(more))
	score := max(1e-6, math.Log((float64(newest)-n+0.5)/(n+0.5))) // as bm25 has it
	if len(hits) > 0 {
		score = slices.Min(slices.Collect(maps.Values(hits)))
	}
	for id := range more {
		hits[id] = score / 2
	}
	return err
}

// show returns the memories with these ids, in their order, with what match or
// else the parts find in each.
func (q inquiry) show(ctx context.Context, ids []int64, match string, parts []string) (views []view, err error) {
	order, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	part := regexp.MustCompile("(?i)" + cmp.Or(strings.Join(parts, "|"), "$^"))
	err = each(ctx, q, func(rows *sql.Rows) error {
		var snippet sql.NullString
		m, err := scan(rows, &snippet)
		if !snippet.Valid {
			snippet.String = part.ReplaceAllString(m.Text, "**$0**")
		}
		shown := shorten(snippet.String, strings.Index(snippet.String, "**"))
		v := m.view(strings.ReplaceAll(shown, "**", ""))
		v.Text, v.Snippet = "", shown
		views = append(views, v)
		return err
	}, `SELECT m.id, m.text, m.tags, m.created, (SELECT snippet(words, 0, '**', '**', '…', 24) FROM words WHERE words MATCH ?2 AND rowid = m.id)
		FROM json_each(?1) j CROSS JOIN memories m ON m.id = j.value ORDER BY j.key`, string(order), match)
	return views, err
}

// maxShown bounds what is shown of a text among others, in bytes.
const maxShown = 500

// shorten cuts what is too long around the byte at.
func shorten(s string, at int) string {
	from := max(0, min(at-maxShown/2, len(s)-maxShown))
	to := min(from+maxShown, len(s))
	shown := strings.ToValidUTF8(s[from:to], "")
	if from > 0 {
		shown = "…" + shown
	}
	if to < len(s) {
		shown += "…"
	}
	return shown
}
