package main

import "strings"

// schemaVersion is that of a database which every memlatch can use that knows
// this number, whether it has the improvements or not.
const schemaVersion = 1

const schema = `
CREATE TABLE memories (
	id      INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never used twice
	text    TEXT NOT NULL,
	tags    TEXT NOT NULL, -- a JSON array
	created TEXT NOT NULL  -- RFC 3339, UTC
);
CREATE VIRTUAL TABLE words USING fts5(
	text, tags, content='memories', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER memories_added AFTER INSERT ON memories BEGIN
	INSERT INTO words(rowid, text, tags) VALUES (new.id, new.text, new.tags);
END;
CREATE TRIGGER memories_deleted AFTER DELETE ON memories BEGIN
	INSERT INTO words(words, rowid, text, tags) VALUES ('delete', old.id, old.text, old.tags);
END;
PRAGMA user_version = 1;
`

// improvements speed up what [schema] alone would be slow at. They keep to what
// SQLite has built in, for all who add memories must be able to keep them up.
var improvements = `
CREATE VIRTUAL TABLE pieces USING fts5(
	text, tags, content='memories', content_rowid='id', tokenize='trigram', detail=none, columnsize=0
);
CREATE TRIGGER memories_added_pieces AFTER INSERT ON memories BEGIN
	INSERT INTO pieces(rowid, text, tags) VALUES (new.id, new.text, new.tags);
END;
CREATE TRIGGER memories_deleted_pieces AFTER DELETE ON memories BEGIN
	INSERT INTO pieces(pieces, rowid, text, tags) VALUES ('delete', old.id, old.text, old.tags);
END;
CREATE INDEX memories_created ON memories(` + strings.ReplaceAll(made(""), ".", "") + `);
CREATE INDEX memories_text ON memories(text);
INSERT INTO pieces(pieces) VALUES ('rebuild');
`

// made sorts memories by when they were made, in SQL: what is stored has as many
// digits as it needs, and what comes after them sorts before one.
func made(table string) string {
	return strings.ReplaceAll("rtrim($.created, 'Z') || printf(' %019d', $.id)", "$", table)
}
