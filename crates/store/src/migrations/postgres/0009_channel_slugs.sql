-- Which network carries an account. Until now there was one.
ALTER TABLE channels ADD COLUMN slug TEXT COLLATE "C" NOT NULL DEFAULT 'whatsapp';
