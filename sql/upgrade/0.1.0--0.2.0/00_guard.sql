\echo Use "ALTER EXTENSION qlm UPDATE" to load this file. \quit
