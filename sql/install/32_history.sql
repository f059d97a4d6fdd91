/*
 * Views of values for people and programs that analyse.  They read with the rights of
 * whoever asks, so that policies on the tables hold for them too.
 */

CREATE OR REPLACE VIEW qlm.history WITH (security_invoker = true) AS
	SELECT i.path, o.type AS object_type, v.ts,
		COALESCE(v.txt, qlm.number_text(v.num)) AS value, v.num, v.type, m.value AS unit,
		CASE WHEN v.peer_id <> 0 THEN qlm.peer_name(v.peer_id) END AS peer, i.info_item_id
	FROM qlm.info_item i
	JOIN qlm.value v ON v.info_item_id = i.info_item_id
	JOIN qlm.object o ON o.object_id = i.object_id
	LEFT JOIN qlm.meta_data m ON m.info_item_id = i.info_item_id AND m.name = 'unit';
ALTER VIEW qlm.history OWNER TO qlm_owner;
COMMENT ON VIEW qlm.history IS 'every value of every InfoItem';
COMMENT ON COLUMN qlm.history.path IS 'path of the InfoItem';
COMMENT ON COLUMN qlm.history.object_type IS 'class of the Object it belongs to';
COMMENT ON COLUMN qlm.history.ts IS 'time of the value';
COMMENT ON COLUMN qlm.history.value IS 'the value as text';
COMMENT ON COLUMN qlm.history.num IS 'the value as a number, if it is one';
COMMENT ON COLUMN qlm.history.type IS 'type as written, e.g. xs:double; null: xs:string';
COMMENT ON COLUMN qlm.history.unit IS 'MetaData unit of the InfoItem';
COMMENT ON COLUMN qlm.history.peer IS 'the peer who wrote it; null: this node';
COMMENT ON COLUMN qlm.history.info_item_id IS 'number of the InfoItem';
GRANT SELECT ON qlm.history TO qlm_reader;

CREATE OR REPLACE VIEW qlm.current WITH (security_invoker = true) AS
	SELECT i.path, o.type AS object_type, v.ts,
		COALESCE(v.txt, qlm.number_text(v.num)) AS value, v.num, v.type, m.value AS unit,
		p.name AS peer, i.info_item_id
	FROM qlm.info_item i
	CROSS JOIN LATERAL (SELECT x.ts, x.num, x.txt, x.type, x.peer_id
		FROM qlm.value x WHERE x.info_item_id = i.info_item_id
		ORDER BY x.ts DESC LIMIT 1) v
	JOIN qlm.object o ON o.object_id = i.object_id
	LEFT JOIN qlm.meta_data m ON m.info_item_id = i.info_item_id AND m.name = 'unit'
	LEFT JOIN qlm.peer p ON p.peer_id = v.peer_id;
ALTER VIEW qlm.current OWNER TO qlm_owner;
COMMENT ON VIEW qlm.current IS 'the latest value of every InfoItem that has one';
COMMENT ON COLUMN qlm.current.path IS 'path of the InfoItem';
COMMENT ON COLUMN qlm.current.object_type IS 'class of the Object it belongs to';
COMMENT ON COLUMN qlm.current.ts IS 'time of the value';
COMMENT ON COLUMN qlm.current.value IS 'the value as text';
COMMENT ON COLUMN qlm.current.num IS 'the value as a number, if it is one';
COMMENT ON COLUMN qlm.current.type IS 'type as written, e.g. xs:double; null: xs:string';
COMMENT ON COLUMN qlm.current.unit IS 'MetaData unit of the InfoItem';
COMMENT ON COLUMN qlm.current.peer IS 'the peer who wrote it; null: this node';
COMMENT ON COLUMN qlm.current.info_item_id IS 'number of the InfoItem';
GRANT SELECT ON qlm.current TO qlm_reader;
