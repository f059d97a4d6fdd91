-- Values in MetaData have times as all others have
ALTER TABLE qlm.meta_data ALTER COLUMN ts SET DEFAULT pg_catalog.now();
COMMENT ON COLUMN qlm.meta_data.ts IS 'time of the value; where none is given, when it was written first';
UPDATE qlm.meta_data SET ts = pg_catalog.now() WHERE ts IS NULL AND value IS NOT NULL;
