CREATE TABLE qlm.handler (
	path text COLLATE "C" PRIMARY KEY CHECK (path <> ''),
	function text NOT NULL CHECK (function <> '')
);
COMMENT ON TABLE qlm.handler IS 'SQL functions that are run when something is called';
COMMENT ON COLUMN qlm.handler.path IS 'an InfoItem, or an Object for all below it that has no handler of its own';
COMMENT ON COLUMN qlm.handler.function IS 'the function with its schema and the types of its arguments';
