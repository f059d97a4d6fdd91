CREATE TABLE qlm.handler (
	path text COLLATE "C" NOT NULL CHECK (path <> ''),
	verb text NOT NULL DEFAULT 'call' CHECK (verb IN ('call', 'read')),
	function text NOT NULL CHECK (function <> ''),
	PRIMARY KEY (path, verb)
);
COMMENT ON TABLE qlm.handler IS 'SQL functions that are run when something is called, or read from the device';
COMMENT ON COLUMN qlm.handler.path IS 'an InfoItem, or an Object for all below it that has no handler of its own';
COMMENT ON COLUMN qlm.handler.verb IS 'call; read: with targetType="device"';
COMMENT ON COLUMN qlm.handler.function IS 'the function with its schema and the types of its arguments';
