-- Run once, when PostgreSQL's own volume is made: the audit proxy has a database of its
-- own beside that of the counts, since each keeps its table of migrations.
CREATE DATABASE auditoria;
