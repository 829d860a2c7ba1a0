-- oldest: 1
-- Which daemons share this database and what each works with, without any secret, so that a command can compare a file with it.

-- +goose Up
CREATE TABLE IF NOT EXISTS daemons (
  holder        VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  configuration MEDIUMTEXT   NOT NULL,
  started_at    DATETIME(6)  NOT NULL,
  seen_at       DATETIME(6)  NOT NULL,
  PRIMARY KEY (holder)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
