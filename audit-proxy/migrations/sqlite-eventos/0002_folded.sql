-- The text of a log event as it is compared, where that is more than small letters of ASCII.
ALTER TABLE log_events ADD COLUMN folded TEXT;
