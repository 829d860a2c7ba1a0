-- oldest: 1
-- What failed, from its first failure to its recovery. state is all of it as JSON, and what the program reads; the columns before it
-- are for people and for the search. is_over: it has recovered and all of it was told.

-- +goose Up
CREATE TABLE IF NOT EXISTS incidents (
  incident_id  VARCHAR(191)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  scope        VARCHAR(512)  CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  class        VARCHAR(32)   NOT NULL,
  phase        VARCHAR(16)   NOT NULL,
  source       VARCHAR(64)   CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  since_at     DATETIME(6)   NOT NULL,
  opened_at    DATETIME(6)   NULL,
  recovered_at DATETIME(6)   NULL,
  last_at      DATETIME(6)   NOT NULL,
  failures     BIGINT        NOT NULL,
  error        VARCHAR(2048) NOT NULL,
  muted_until  DATETIME(6)   NULL,
  is_over      TINYINT       NOT NULL,
  state        MEDIUMTEXT    NOT NULL,
  PRIMARY KEY (incident_id),
  KEY incidents_over (is_over, recovered_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
