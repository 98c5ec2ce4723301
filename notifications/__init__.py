"""A live notification centre for Django: the database is the log, the stream is its tail."""
