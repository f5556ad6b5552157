-- A user of the broker that the register made: `nueva` until the broker has it, then
-- `hecha`, `saliente` until the broker has it no more, then `retirada`. The row stays,
-- for messages of that user may still wait to be audited.
ALTER TABLE credentials ADD COLUMN phase TEXT COLLATE "C" NOT NULL DEFAULT 'hecha';
-- What the broker keeps of its password; none where the register did not make it.
ALTER TABLE credentials ADD COLUMN secret TEXT COLLATE "C";
-- Users that a system has ever had: no name is given twice.
ALTER TABLE systems ADD COLUMN issued BIGINT NOT NULL DEFAULT 0;
