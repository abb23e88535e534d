-- Entries, one row for what was put together. A row stands behind the one before it or not at all: two writers that
-- believe in the same end are told apart by the primary key, one that believes in another by the trigger.
CREATE TABLE {schema}.segment (
  position bigint PRIMARY KEY CHECK (position >= 0),
  next bigint NOT NULL CHECK (next > position),
  previous bytea NOT NULL CHECK (length(previous) = 32),
  link bytea NOT NULL CHECK (length(link) = 32),
  entries bytea NOT NULL CHECK (length(entries) > 0),
  note bytea NOT NULL
);
-- Everything else, by name: the newest generation counts, and one without bytes says that nothing is there any more.
CREATE TABLE {schema}.named (
  name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 1000),
  generation bigint NOT NULL CHECK (generation >= 0),
  bytes bytea,
  PRIMARY KEY (name, generation)
);
-- Entries are signed and attachments mostly packed already: trying to make them smaller costs time for nothing.
ALTER TABLE {schema}.segment ALTER entries SET STORAGE EXTERNAL;
ALTER TABLE {schema}.named ALTER bytes SET STORAGE EXTERNAL;

CREATE FUNCTION {schema}.never() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: it is only ever added to', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TRIGGER never_row BEFORE UPDATE OR DELETE ON {schema}.segment FOR EACH ROW EXECUTE FUNCTION {schema}.never();
CREATE TRIGGER never_all BEFORE TRUNCATE ON {schema}.segment FOR EACH STATEMENT EXECUTE FUNCTION {schema}.never();
CREATE TRIGGER never_row BEFORE UPDATE OR DELETE ON {schema}.named FOR EACH ROW EXECUTE FUNCTION {schema}.never();
CREATE TRIGGER never_all BEFORE TRUNCATE ON {schema}.named FOR EACH STATEMENT EXECUTE FUNCTION {schema}.never();

CREATE FUNCTION {schema}.continues() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  ends bigint := 0;
  last bytea := decode(repeat('00', 32), 'hex');
BEGIN
  SELECT s.next, s.link INTO ends, last FROM (SELECT next, link FROM {schema}.segment ORDER BY position DESC LIMIT 1) s
    UNION ALL SELECT ends, last LIMIT 1;
  IF NEW.position <> ends OR NEW.previous <> last THEN
    RAISE EXCEPTION 'the log has % entries, and what was put continues another', ends USING ERRCODE = '40001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER continues BEFORE INSERT ON {schema}.segment FOR EACH ROW EXECUTE FUNCTION {schema}.continues();
