-- All that a message said of itself beside its payload, octet for octet: an AMQP property
-- list. Missing where it was received before this was kept.
ALTER TABLE payloads ADD COLUMN properties BLOB;
