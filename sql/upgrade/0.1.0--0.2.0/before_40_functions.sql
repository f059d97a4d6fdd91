/* Functions that take other arguments now */
DROP FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean),
	@extschema@.qlm_request(text, text, interval, int), @extschema@.qlm_request(text, xml, interval, int),
	@extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text);
