-- The table as the connector needs it, for SQLite. Any other column may be added; those that hold text can be mapped.
--   sqlite3 crm.db < create_table.sql

CREATE TABLE people (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given out twice: an id that is missing stays missing
    first_name    TEXT,
    last_name     TEXT,
    email         TEXT CHECK (email LIKE '%_@_%'),
    phone         TEXT,
    state         TEXT,
    stage         TEXT,
    salespulse_id TEXT UNIQUE,                        -- syncd's own: makes creates safe to repeat
    version       INTEGER NOT NULL DEFAULT 0,         -- kept by the triggers: what changed, and in which order
    changed_at    TIMESTAMP                           -- kept by the triggers: when, UTC
);
CREATE INDEX people_by_version ON people (version);

-- One row: which table this is, and how many changes it has seen. Every change locks it until its commit, so versions
-- become visible in their order and a reader who has seen the fifth has not missed the fourth.
CREATE TABLE people_counter (
    account TEXT NOT NULL,
    version INTEGER NOT NULL
);
INSERT INTO people_counter VALUES (lower(hex(randomblob(16))), 0);

CREATE TRIGGER people_inserted AFTER INSERT ON people
BEGIN
    UPDATE people_counter SET version = version + 1;
    UPDATE people
       SET version = (SELECT version FROM people_counter),
           changed_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
     WHERE id = NEW.id;
END;

-- By trigger, not by the application: one statement that forgets it would be a change that nobody hears of.
CREATE TRIGGER people_updated AFTER UPDATE ON people WHEN NEW.version = OLD.version
BEGIN
    UPDATE people_counter SET version = version + 1;
    UPDATE people
       SET version = (SELECT version FROM people_counter),
           changed_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
     WHERE id = NEW.id;
END;
