-- Which network carries an account. Until now there was one.
ALTER TABLE channels ADD COLUMN slug TEXT NOT NULL DEFAULT 'whatsapp';
