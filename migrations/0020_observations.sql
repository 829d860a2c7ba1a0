-- oldest: 1
-- The ends of runs, and the wishes of operators, that whoever tells of failures has to work, by the clock of the database. identity is
-- the hash of what was noted: it is noted once, however often it is sent. worked_at is NULL while it waits.

-- +goose Up
CREATE TABLE IF NOT EXISTS observations (
  number      BIGINT      NOT NULL AUTO_INCREMENT,
  identity    BINARY(32)  NOT NULL,
  source      VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  happened_at DATETIME(6) NOT NULL,
  worked_at   DATETIME(6) NULL,
  body        MEDIUMTEXT  NOT NULL,
  PRIMARY KEY (number),
  UNIQUE KEY observations_identity (identity),
  KEY observations_worked (worked_at, happened_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
