CREATE SCHEMA qlm;
COMMENT ON SCHEMA qlm IS 'QLM node: Objects, InfoItems, values, peers and messages';
